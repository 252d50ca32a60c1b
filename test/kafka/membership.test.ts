import { NO_PLACE, type Place, placeAfter } from '../../src/kafka/membership';

const MEMBER: Place = { memberId: 'efs-1', generation: 7 };

describe('a member whose request is refused', () => {
  test('joins with the id of a MEMBER_ID_REQUIRED refusal', () => {
    const refusal = { type: 'MEMBER_ID_REQUIRED', memberId: 'efs-2' };
    expect(placeAfter(NO_PLACE, refusal)).toEqual({ memberId: 'efs-2', generation: null });
  });

  test.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION'])('joins again under its id after %s', (type) => {
    expect(placeAfter(MEMBER, { type })).toEqual({ memberId: 'efs-1', generation: null });
  });

  test('joins without an id after UNKNOWN_MEMBER_ID', () => {
    expect(placeAfter(MEMBER, { type: 'UNKNOWN_MEMBER_ID' })).toBe(NO_PLACE);
  });

  test.each(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS'])(
    'keeps its place after %s',
    (type) => {
      expect(placeAfter(MEMBER, { type })).toBe(MEMBER);
    },
  );

  test('keeps its place where the coordinator does not answer', () => {
    expect(placeAfter(MEMBER, null)).toBe(MEMBER);
  });
});
