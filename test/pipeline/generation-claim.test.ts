import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { nameIn, nameRecord } from '../../src/pipeline/generation-claim';

const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 0);

describe('the name in the key of a contribution', () => {
  it.each([
    ['of the record that takes a name', '/7~k2x', 7],
    ['of a barrier', '/7.3', 7],
    ['of a share in a delivery', 'spring/7.3', 7],
    ['of a share in a delivery whose id looks like one', 'a/9.1/7.3', 7],
    ['of the marker of a retired delivery', 'spring/retired', 0],
    ['of nothing', '', 0],
  ])('is that %s', (_, key, name) => {
    expect(nameIn(Buffer.from(key))).toBe(name);
  });

  it('is none where there is no key', () => {
    expect(nameIn(null)).toBe(0);
  });

  it('can be read from the record that takes it, which contributes nothing and is no barrier of any generation', () => {
    const { key, value } = nameRecord(12, 'k2x', contribution);
    expect(nameIn(key)).toBe(12);
    expect(contribution.decode(value!)).toMatchObject({ deliveryId: null, generation: 0, revision: 0 });
  });
});
