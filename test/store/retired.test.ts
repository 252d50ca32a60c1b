import { InvariantError } from '../../src/base/assert';
import { decodeRetirement, encodeRetirement } from '../../src/store/retired';

describe('a stored retirement', () => {
  it('decodes to the encoded one', () => {
    const as = { at: 1_700_000_000_000, asOf: 1_699_999_999_999 };
    expect(decodeRetirement(encodeRetirement(as))).toEqual(as);
  });

  it.each(['', 'x', '5', '5/x', '9e15/5', 'Infinity/5'])('is refused where "%s" is stored', (text) => {
    expect(() => decodeRetirement(Buffer.from(text))).toThrow(InvariantError);
  });
});
