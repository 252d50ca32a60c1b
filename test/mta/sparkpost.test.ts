import { sparkpost } from '../../src/mta/formats/sparkpost';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('sparkpost');

it.each(samples)('sparkpost: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(sparkpost, text)).toEqual(expected);
});

it.each(samples)('sparkpost: $name in broken forms never throws, and has listed outcomes', ({ text }) => {
  expect(faultsOf(sparkpost, text)).toEqual([]);
});
