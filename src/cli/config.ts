import { Command } from 'commander';
import { describeConfig, type SettingRow } from '../settings/config';
import { EfsError } from '../base/errors';
import { printable } from '../base/log';
import { addExample, addSettings, ALL_SETTINGS, readSettings } from './options';
import { print } from './print';

/** Where a value comes from that is set nowhere. */
const DEFAULT = 'default';

/** A setting with its value in effect, and where that is from: a flag, a variable, a line of a file, or its default. */
type PrintedRow = SettingRow & { readonly from: string };

/** A setting as lines of a shell file: its description and where its value is from, then the assignment. */
function linesOf({ variable, value, doc, expects, fallback, from }: PrintedRow): readonly string[] {
  const shownDefault = fallback === '' ? 'empty' : fallback;
  const origin = from === DEFAULT ? '' : `; from ${from}`;
  const assigned = value === null ? `# ${variable} is not valid` : `${variable}=${quoted(value)}`;
  return [`# ${doc}: ${expects}; default ${shownDefault}${origin}`, assigned];
}

const quoted = (value: string): string =>
  /^[\w.,:/@%+=-]*$/.test(value) ? value : `'${printable(value).replaceAll("'", "'\\''")}'`;

function printConfig(options: { json?: true }, command: Command): void {
  const result = readSettings(command);
  const rows = describeConfig('ok' in result ? result.ok : result.valid).map((row): PrintedRow => ({
    ...row,
    from: result.origins[row.name] ?? DEFAULT,
  }));
  const views = rows.map(({ variable, value, from, fallback, expects, doc }) => ({
    ...{ variable, value, from, default: fallback, expects, meaning: doc },
  }));
  print(views, options, () => rows.flatMap((row, i) => (i === 0 ? linesOf(row) : ['', ...linesOf(row)])));
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
}

function check(options: { json?: true }, command: Command): void {
  const result = readSettings(command);
  const errors = 'errors' in result ? result.errors : [];
  if (options.json || errors.length === 0)
    print({ valid: errors.length === 0, errors }, options, () => ['the settings are valid']);
  if (errors.length > 0) throw new EfsError('config-invalid', errors.join('\n'));
}

/** `efs config check` and `efs config print`. */
export function configCommand(): Command {
  const group = new Command('config').helpCommand(false);
  const checking = new Command('check')
    .description('validate the settings and print every error')
    .option('--json', 'print JSON')
    .action(check);
  const printing = new Command('print')
    .description('print all settings with their meaning and where each value is from, passwords blanked out')
    .option('--json', 'print JSON')
    .action(printConfig);
  addExample(addSettings(checking, ALL_SETTINGS), 'EFS_POLICY=relay efs config check');
  addExample(addSettings(printing, ALL_SETTINGS), 'efs config print --http-port 9000');
  return addExample(group.addCommand(checking).addCommand(printing), 'efs config check');
}
