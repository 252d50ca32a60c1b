import { sendgrid } from '../../src/mta/formats/sendgrid';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('sendgrid');
/** One of each shape: others differ in their values alone. */
const SHAPES = ['bounce'];

it.each(samples)('sendgrid: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(sendgrid, text)).toEqual(expected);
});

it.each(samples.filter(({ name }) => SHAPES.includes(name)))(
  'sendgrid: $name in broken forms never throws, and has listed outcomes',
  ({ text }) => {
    expect(faultsOf(sendgrid, text)).toEqual([]);
  },
);
