import { efs } from '../../src/mta/formats/efs';
import { sparkpost } from '../../src/mta/formats/sparkpost';
import { outcomes, samplesOf } from './samples';

it('efs: what a dry run printed is printed again, but for the rules that decided', () => {
  const withoutRules = (lines: object[]): object[] => lines.map((line) => ({ ...line, from: undefined }));
  const printed = samplesOf('sparkpost').flatMap(({ text }) => outcomes(sparkpost, text));
  const lines = printed.map((line) => JSON.stringify(line)).join('\n');
  expect(printed.length).toBeGreaterThan(20);
  expect(withoutRules(outcomes(efs, lines))).toEqual(withoutRules(printed));
});
