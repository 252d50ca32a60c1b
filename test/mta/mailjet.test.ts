import { mailjet } from '../../src/mta/formats/mailjet';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('mailjet');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['bounce-hard'];

it.each(samples)('mailjet: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(mailjet, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'mailjet: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(mailjet, text)).toEqual([]);
  },
);
