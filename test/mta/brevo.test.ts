import { brevo } from '../../src/mta/formats/brevo';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('brevo');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['deferred'];

it.each(samples)('brevo: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(brevo, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'brevo: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(brevo, text)).toEqual([]);
  },
);
