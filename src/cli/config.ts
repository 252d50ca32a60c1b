import { Command } from 'commander';
import { describeConfig, type SettingRow } from '../settings/config';
import { EfsError } from '../base/errors';
import { printable } from '../base/log';
import { addExample, addSettings, ALL_SETTINGS, configOf, readSettings } from './options';
import { printLines } from './print';

/** A setting with its value in effect, and what set it: a flag, a variable, a line of a file, or its default. */
type PrintedRow = SettingRow & { readonly from: string };

/** A setting as lines of a shell file: its description and where its value comes from, then the assignment. */
function lines({ variable, value, doc, expects, fallback, from }: PrintedRow): string {
  const shownDefault = fallback === '' ? 'empty' : fallback;
  const assigned = value === null ? `# ${variable} is not valid` : `${variable}=${quoted(value)}`;
  return `# ${doc}: ${expects}; default ${shownDefault}\n# from ${printable(from)}\n${assigned}\n`;
}

const quoted = (value: string): string =>
  /^[\w.,:/@%+=-]*$/.test(value) ? value : `'${printable(value).replaceAll("'", "'\\''")}'`;

function print(_: unknown, command: Command): void {
  const result = readSettings(command);
  const rows = describeConfig('ok' in result ? result.ok : result.valid).map((row): PrintedRow => ({
    ...row,
    from: result.origins[row.name] ?? 'the default',
  }));
  process.stdout.write(rows.map(lines).join('\n'));
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
}

function check(_: unknown, command: Command): void {
  configOf(command);
  printLines(['the settings are valid']);
}

/** `efs config check` and `efs config print`. */
export function configCommand(): Command {
  const group = new Command('config').description('check or print the settings').helpCommand(false);
  const checking = new Command('check')
    .description('validate the settings and print every error')
    .action(check);
  const printing = new Command('print')
    .description('print all settings with their meaning, passwords blanked out')
    .action(print);
  addExample(addSettings(checking, ALL_SETTINGS), 'EFS_POLICY=relay efs config check');
  addExample(addSettings(printing, ALL_SETTINGS), 'efs config print --http-port 9000');
  return addExample(group.addCommand(checking).addCommand(printing), 'efs config check');
}
