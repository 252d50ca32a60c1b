import { resend } from '../../src/mta/formats/resend';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('resend');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['bounced-permanent'];

it.each(samples)('resend: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(resend, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'resend: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(resend, text)).toEqual([]);
  },
);
