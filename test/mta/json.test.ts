import { causeOf } from '../../src/mta/classify';
import { canonicalJson, type Json, parseJson } from '../../src/mta/json';

const nested = (levels: number): Json => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as Json;

it.each([
  [
    '{"id":12345678901234567,"less":[-12345678901234567]}',
    { id: '12345678901234567', less: ['-12345678901234567'] },
  ],
  ['{"delay":0.30000000000000004,"id":1}', { delay: 0.30000000000000004, id: 1 }],
  ['[1795600000.1234567890123456,-1e+0000000000000001]', [1795600000.1234567890123456, -10]],
  ['{"id":"x 12345678901234567"}', { id: 'x 12345678901234567' }],
])('JSON keeps every digit of whole numbers, and reads fractions as numbers: %s', (written, value) => {
  expect(parseJson(written)).toEqual(value);
});

it('canonical JSON is the same for objects whose fields are in another order', () => {
  expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] })).toBe(
    canonicalJson({ a: [{ c: 'x', d: null }], b: 1 }),
  );
  expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
});

it('canonical JSON of very many levels does not overflow the stack', () => {
  expect(canonicalJson(nested(100_000))).toBe(`${'['.repeat(32)}null${']'.repeat(32)}`);
  expect(canonicalJson(nested(31))).toBe('['.repeat(31) + ']'.repeat(31));
});

it.each([1e300, 0.5, 2 ** 31, Number.NaN])(
  'a cause drops the class and the code %p, which no int holds',
  (value) => {
    expect(causeOf({ number: value, smtpCode: value })).toMatchObject({ number: null, smtpCode: null });
  },
);
