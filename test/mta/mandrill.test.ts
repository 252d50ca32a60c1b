import { mandrill } from '../../src/mta/formats/mandrill';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('mandrill');

it.each(samples)('mandrill: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(mandrill, text)).toEqual(expected);
});

it.each(samples)('mandrill: $name in broken forms never throws, and has listed outcomes', ({ text }) => {
  expect(faultsOf(mandrill, text)).toEqual([]);
});
