import { FORMATS } from '../../src/mta/formats';
import { identityRules } from '../../src/mta/identity';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { splitReadings } from './checkpoints';
import { outcomes, samplesOf } from './samples';

/** The samples' dates without a year are of 2026. */
const SETTINGS = { ...READER_SETTINGS, latest: Date.UTC(2026, 10, 30) };

/** Mails are read asynchronously, and have tests of their own. */
const samples = FORMATS.filter(({ framing }) => framing !== 'mail').flatMap((format) =>
  samplesOf(format.name).map((sample) => ({ format, ...sample })),
);

/** The customary settings; only the binding of a Momentum log names the delivery. */
const sourceOf = (format: (typeof FORMATS)[number]) => ({
  ...customary(format),
  ...(format.name === 'momentum-log' && { identity: identityRules(['binding'], ['native']) }),
});

describe('the sample', () => {
  it.each(samples)('$name of $format.name is printed as expected', ({ format, text, expected }) => {
    expect(outcomes(format, text, SETTINGS, sourceOf(format))).toEqual(expected);
  });

  it.each(samples.filter(({ format }) => format.framing !== 'json'))(
    '$name of $format.name goes on at every line as if it were read at once',
    ({ format, text }) => {
      for (const { whole, resumed, saved } of splitReadings(format, text, SETTINGS)) {
        expect(resumed).toEqual(whole);
        expect(saved.resumed).toBe(saved.whole);
      }
    },
  );
});
