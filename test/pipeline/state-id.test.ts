import { allocationKey, stateIdInKey, stateKey } from '../../src/pipeline/state-id';

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

  it('can be read from the keys that carry it', () => {
    expect(stateIdInKey(allocationKey(12, 'k2x'))).toBe(12);
    expect(stateIdInKey(stateKey({ stateId: 12 }, 3))).toBe(12);
  });
});
