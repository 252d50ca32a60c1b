import { efs } from '../../src/mta/formats/efs';
import { sparkpost } from '../../src/mta/formats/sparkpost';
import { faultsOf } from './hostile';
import { outcomes, samplesOf } from './samples';

const samples = samplesOf('efs');

it.each(samples)('efs: $name is printed as expected', ({ text, expected }) => {
  expect(outcomes(efs, text)).toEqual(expected);
});

it.each(samples)('efs: $name in broken forms never throws, and has listed outcomes', ({ text }) => {
  expect(faultsOf(efs, text)).toEqual([]);
});

it('efs: what a dry run printed is printed again, but for the rules that decided', () => {
  const withoutRules = (lines: object[]): object[] => lines.map((line) => ({ ...line, from: undefined }));
  const printed = samplesOf('sparkpost').flatMap(({ text }) => outcomes(sparkpost, text));
  const lines = printed.map((line) => JSON.stringify(line)).join('\n');
  expect(printed.length).toBeGreaterThan(20);
  expect(withoutRules(outcomes(efs, lines))).toEqual(withoutRules(printed));
});
