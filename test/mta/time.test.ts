import { firstTime, timeOf } from '../../src/mta/time';

const AT = Date.UTC(2026, 10, 25, 8, 26, 40);

describe('the time of an event', () => {
  it.each([
    [AT / 1000, AT],
    [String(AT / 1000), AT],
    [AT / 1000 + 0.1234, AT + 123],
    [AT, AT],
    [AT * 1000 + 999, AT],
    ['2026-11-25T08:26:40Z', AT],
    ['2026-11-25T08:26:40.120456789Z', AT + 120],
    ['2026-11-25T10:26:40+02:00', AT],
    ['2026-11-25 08:26:40+0000', AT],
    ['2026-11-25 08:26:40', AT],
    ['Wed, 25 Nov 2026 09:26:40 +0100', AT],
    ['Wed, 25 Nov 2026 09:26:40 +0100 (CET)', AT],
    ['Wed, 25 Nov 2026 08:26:40', AT],
  ])('%p is %d', (written, at) => {
    expect(timeOf(written)).toBe(at);
  });

  it('takes the offset of the source where it names none', () => {
    expect(timeOf('2026-11-25 10:26:40', '+02:00')).toBe(AT);
    expect(timeOf('Wed, 25 Nov 2026 10:26:40', '+02:00')).toBe(AT);
    expect(timeOf('2026-11-25T08:26:40Z', '+02:00')).toBe(AT);
  });

  it.each([
    [''],
    ['soon'],
    [null],
    [{}],
    [[AT]],
    [NaN],
    [0],
    ['1999-12-31T23:59:59Z'],
    ['2100-01-01'],
    [-5],
    [true],
  ])('%p is no time', (written) => {
    expect(timeOf(written)).toBeNull();
  });

  it('is the first of several that is one', () => {
    expect(firstTime('Z', null, 'soon', AT, 5)).toBe(AT);
  });
});
