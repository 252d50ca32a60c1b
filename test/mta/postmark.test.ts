import { postmark } from '../../src/mta/formats/postmark';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('postmark');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['hard-bounce'];

it.each(samples)('postmark: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(postmark, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'postmark: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(postmark, text)).toEqual([]);
  },
);
