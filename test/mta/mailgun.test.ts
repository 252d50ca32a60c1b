import { mailgun } from '../../src/mta/formats/mailgun';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('mailgun');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['failed-permanent', 'form', 'legacy-bounced'];

it.each(samples)('mailgun: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(mailgun, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'mailgun: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(mailgun, text)).toEqual([]);
  },
);
