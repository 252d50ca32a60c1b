import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { stateIdInKey, allocationRecord } from '../../src/pipeline/generation-claim';

const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 0);

describe('the state id in the key of a contribution', () => {
  it.each([
    ['of the record that allocates an id', '/7~k2x', 7],
    ['of a barrier', '/7.3', 7],
    ['of a share of a delivery', 'spring/7.3', 7],
    ['of a share of a delivery whose id has the form of a key', 'a/9.1/7.3', 7],
    ['of the marker of a retired delivery', 'spring/retired', 0],
    ['of an empty key', '', 0],
  ])('%s (%s) is %i', (_, key, stateId) => {
    expect(stateIdInKey(Buffer.from(key))).toBe(stateId);
  });

  it('is 0 where there is no key', () => {
    expect(stateIdInKey(null)).toBe(0);
  });

  it('can be read from the record that allocates it, which contributes nothing and is no barrier', () => {
    const { key, value } = allocationRecord(12, 'k2x', contribution);
    expect(stateIdInKey(key)).toBe(12);
    expect(contribution.decode(value!)).toMatchObject({ deliveryId: null, generation: 0, revision: 0 });
  });
});
