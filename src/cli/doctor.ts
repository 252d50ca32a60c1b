import { Command } from 'commander';
import { NO_LOG, openLog } from '../base/log';
import { examine } from '../app/doctor';
import { EXIT } from '../app/failure';
import { CHECKS, type Finding, wouldStart } from '../service/doctor/finding';
import { readConfig } from '../settings/config';
import { addExample, addSettings, ALL_SETTINGS, flagsOf } from './options';
import { print } from './print';

/** A line for each finding, its remedy below it, and the outcome. */
export function doctorLines(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap(({ check, verdict, text, remedy }) => {
    const [first = '', ...rest] = text.split('\n');
    const below = [...rest, ...(remedy === null ? [] : [`→ ${remedy}`])];
    return [
      `${verdict.padEnd(7)}  ${CHECKS[check]}: ${first}`,
      ...below.map((line) => `${' '.repeat(9)}${line}`),
    ];
  });
  const count = (verdict: Finding['verdict'], name: string): string => {
    const found = findings.filter((each) => each.verdict === verdict).length;
    return `${found} ${name}${found === 1 ? '' : 's'}`;
  };
  const counts = `${count('problem', 'problem')}, ${count('warning', 'warning')}`;
  return [
    ...lines,
    wouldStart(findings) ? `the service would start: ${counts}` : `the service would not start: ${counts}`,
  ];
}

async function run(options: { readonly json?: true }, command: Command): Promise<void> {
  const settings = readConfig(process.env, flagsOf(command));
  const isDebug = 'ok' in settings && settings.ok.logLevel === 'debug';
  const log = isDebug ? openLog({ level: 'debug', format: settings.ok.logFormat }, process.stderr) : NO_LOG;
  const findings = await examine(settings, log);
  const starts = wouldStart(findings);
  print({ starts, findings }, options, () => doctorLines(findings));
  process.exitCode = starts ? EXIT.OK : EXIT.MISFIT;
}

/** `efs doctor`. */
export function doctorCommand(): Command {
  const command = new Command('doctor').option('--json', 'print one line of JSON').action(run);
  return addExample(addSettings(command, ALL_SETTINGS), 'efs doctor');
}
