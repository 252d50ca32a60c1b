import { Argument, type Command, Option } from 'commander';
import { EfsError } from '../base/errors';
import type { Clock } from '../base/clock';
import { type GivenSource, ingestSource, ofFormat, sourceErrors } from '../ingest/configure';
import type { IngestSource } from '../ingest/source';
import { classTablesIn } from '../mta/class-file';
import { FORMATS } from '../mta/formats';
import { readText } from '../settings/files';
import { timeSpan } from './options';

/** The flags that say what a source is. */
export interface SourceFlags {
  readonly deliveryId?: readonly string[];
  readonly messageId?: readonly string[];
  readonly classes?: string;
  readonly policy?: 'efs' | 'relay';
  readonly validity?: number;
  readonly notRelayed: 'fail' | 'drop';
  readonly zone: string;
  readonly columns?: readonly string[];
}

const commaSeparated = (text: string): string[] => text.split(',').map((part) => part.trim());

/** The argument that names a format. */
export const formatArgument = (description = '`efs ingest formats` lists them'): Argument =>
  new Argument('<format>', description).choices(FORMATS.map(({ name }) => name));

/** Adds the flags that say what a source is. */
export function addSourceFlags(command: Command): Command {
  return command
    .option(
      '--delivery-id <rules>',
      'where the delivery id is; the first rule that answers wins',
      commaSeparated,
    )
    .option('--message-id <rules>', 'where the message id is', commaSeparated)
    .option('--classes <file>', 'your own categories and texts of bounces (JSON)')
    .addOption(new Option('--policy <policy>', 'what relayed messages say').choices(['efs', 'relay']))
    .option(
      '--validity <time>',
      'how long the MTA retries, for relayed messages that do not say it',
      timeSpan,
    )
    .addOption(
      new Option('--not-relayed <what>', 'messages that were refused before their relay')
        .choices(['fail', 'drop'])
        .default('fail'),
    )
    .option('--zone <offset>', 'of times that name none, like +02:00', 'Z')
    .option('--columns <names>', 'columns of a CSV file without a header line', commaSeparated);
}

/** A user's classes in a file, or what is wrong with it. */
function classesIn(path: string): ReturnType<typeof classTablesIn> {
  try {
    const read = classTablesIn(readText(path));
    return 'errors' in read ? { errors: read.errors.map((error) => `${path}: ${error}`) } : read;
  } catch (error) {
    return { errors: [`--classes: ${path} ${(error as Error).message}`] };
  }
}

/** The source that format and flags say. Throws `config-invalid` with everything that is wrong. */
export function sourceFrom(format: string, flags: SourceFlags, clock: Clock): IngestSource {
  const { deliveryId, messageId, classes, policy, validity, notRelayed, zone, columns } = flags;
  const tables = classes === undefined ? { tables: null } : classesIn(classes);
  const given: GivenSource = {
    ...ofFormat(format),
    deliveryId: deliveryId ?? null,
    messageId: messageId ?? null,
    policy: policy === undefined ? null : policy === 'efs' ? 'EFS' : 'RELAY',
    validityPeriodMs: validity ?? null,
    notRelayed,
    zone,
    columns: columns ?? null,
    classes: 'tables' in tables ? tables.tables : null,
  };
  const errors = [...sourceErrors(given), ...('errors' in tables ? tables.errors : [])];
  if (errors.length > 0) throw new EfsError('config-invalid', errors.join('\n'));
  return ingestSource(given, clock.now());
}
