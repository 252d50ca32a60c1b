import { timeWithoutYear } from '../../src/mta/time';

const at = (year: number, month: number, day: number, hour = 0): number =>
  Date.UTC(year, month - 1, day, hour);

describe('a date without a year', () => {
  it.each([
    ['has the year of the latest moment', 'Nov 25 08:00:00', at(2026, 11, 30), at(2026, 11, 25, 8)],
    ['may be a day later than the latest moment', 'Dec  1 00:00:00', at(2026, 11, 30), at(2026, 12, 1)],
    [
      'is of the year before where it would be later',
      'Dec  1 00:00:01',
      at(2026, 11, 30),
      at(2025, 12, 1) + 1_000,
    ],
    ['may be of the next year on its eve', 'Jan  1 00:00:00', at(2026, 12, 31, 12), at(2027, 1, 1)],
    ['on 29 February is of a leap year', 'Feb 29 08:00:00', at(2026, 11, 30), at(2024, 2, 29, 8)],
    ['on 29 February may be eight years back', 'Feb 29 08:00:00', at(2003, 11, 30), at(2000, 2, 29, 8)],
  ])('%s', (_, text, latest, expected) => {
    expect(timeWithoutYear(text, 'Z', latest)).toBe(expected);
  });

  it('is in the zone that is given', () => {
    expect(timeWithoutYear('Jan  1 00:30:00', '+02:00', at(2026, 12, 31, 23))).toBe(
      at(2026, 12, 31, 22) + 1_800_000,
    );
  });

  it.each([
    'Feb 30 08:00:00',
    'Apr 31 08:00:00',
    'Nov  0 08:00:00',
    'Foo 25 08:00:00',
    'Nov 25 24:00:00',
    'Nov 25',
  ])('is no time where no calendar has it: %s', (text) => {
    expect(timeWithoutYear(text, 'Z', at(2026, 11, 30))).toBeNull();
  });
});
