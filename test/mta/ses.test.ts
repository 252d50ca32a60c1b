import { ses } from '../../src/mta/formats/ses';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('ses');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['bounce-two-recipients', 'delivery-sns', 'delivery-delay'];

it.each(samples)('ses: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(ses, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'ses: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(ses, text)).toEqual([]);
  },
);
