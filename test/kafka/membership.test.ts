import { NEWCOMER, type Place, placeAfter } from '../../src/kafka/membership';

const MEMBER: Place = { memberId: 'efs-1', generation: 7 };

describe('a member whose request is refused', () => {
  test('joins with the id that it is given', () => {
    const refusal = { type: 'MEMBER_ID_REQUIRED', memberId: 'efs-2' };
    expect(placeAfter(NEWCOMER, refusal)).toEqual({ memberId: 'efs-2', generation: null });
  });

  test.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION'])('joins again under its id after %s', (type) => {
    expect(placeAfter(MEMBER, { type })).toEqual({ memberId: 'efs-1', generation: null });
  });

  test('joins as a newcomer where the group no longer holds it', () => {
    expect(placeAfter(MEMBER, { type: 'UNKNOWN_MEMBER_ID' })).toBe(NEWCOMER);
  });

  test.each(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS'])(
    'keeps its place after %s',
    (type) => {
      expect(placeAfter(MEMBER, { type })).toBe(MEMBER);
    },
  );

  test('keeps its place where nothing answers', () => {
    expect(placeAfter(MEMBER, null)).toBe(MEMBER);
  });
});
