import { iso } from '../../src/base/time';

test.each([
  [0, '1970-01-01T00:00:00.000Z'],
  [-1, '1969-12-31T23:59:59.999Z'],
  [8.64e15, '+275760-09-13T00:00:00.000Z'],
  [-(2 ** 63), '-271821-04-20T00:00:00.000Z'],
  [2 ** 63, '+275760-09-13T00:00:00.000Z'],
])('the moment %d is said in ISO 8601, or the nearest one that can be', (millis, text) => {
  expect(iso(millis)).toBe(text);
});
