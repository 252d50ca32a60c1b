import { postal } from '../../src/mta/formats/postal';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('postal');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['delayed', 'bounced'];

it.each(samples)('postal: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(postal, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'postal: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(postal, text)).toEqual([]);
  },
);
