import { type Command, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import { must } from '../base/assert';
import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { type SaidOptions, saidTraffic, SIMULATED_SOURCES } from '../simulation/sources/said';
import { type Destination, sendEvents, type Sent } from '../simulation/sources/send';
import type { SimulatedSource } from '../simulation/sources/source';
import { ORDINARY_TRAFFIC, type TrafficOptions } from '../simulation/traffic';
import { untilInterrupted } from './interrupt';
import { configOf, contextOf, share } from './options';
import { grouped, jsonLine } from './print';
import { progress } from './progress';
import { toFile, toHttp, toKafka, toStdout } from './said-destinations';

/** The flags that say as which source, and to where. */
export interface AsFlags {
  readonly as?: string;
  readonly to?: string;
  readonly secretFile?: string;
  readonly stripIdentity?: number;
}

export type AsOptions = AsFlags &
  Pick<
    TrafficOptions,
    'seed' | 'deliveries' | 'messages' | 'disorder' | 'duplicates' | 'poison' | 'startAt'
  > & {
    readonly rate: number;
    readonly json?: true;
  };

const EVENTS_PER_MESSAGE = 2.1;
const KAFKA = 'kafka:';
const HTTP = /^https?:\/\//iu;

/** Adds the flags that say as which source, and to where. */
export function addAsFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--as <source>', 'write what this source writes, instead of records').choices(
        SIMULATED_SOURCES.map(({ name }) => name),
      ),
    )
    .option('--to <where>', 'with --as: a file, the URL of a door, or kafka:TOPIC (default: standard output)')
    .option('--secret-file <file>', 'with --as: what proves the sender to the door (or EFS_INGEST_SECRET)')
    .option('--strip-identity <share>', 'with --as: share of events without the ids', share);
}

/** What is wrong with the flags together. */
function conflicts({ to, secretFile, stripIdentity }: AsFlags, options: AsOptions): string[] {
  const source = SIMULATED_SOURCES.find(({ name }) => name === options.as);
  if (source === undefined) {
    const given = { '--to': to, '--secret-file': secretFile, '--strip-identity': stripIdentity };
    return Object.entries(given).flatMap(([flag, value]) =>
      value === undefined ? [] : [`${flag}: is only for --as`],
    );
  }
  const isJson = source.framing.contentType === 'application/json';
  return [
    ...(options.poison > 0 ? ['--poison: is not for --as; --strip-identity is'] : []),
    ...(source.isOrdered && (options.disorder > 0 || options.duplicates > 0)
      ? [`--disorder, --duplicates: are not for ${source.name}, whose log is in order`]
      : []),
    ...(HTTP.test(to ?? '') && source.framing.eventsMax === null
      ? [`--to: ${source.name} writes a log, which goes to a file`]
      : []),
    ...(to?.startsWith(KAFKA) === true && !isJson ? [`--to: ${source.name} writes no JSON records`] : []),
  ];
}

/** Throws `config-invalid` where flags do not go together. */
export function checkAsFlags(options: AsOptions): void {
  const errors = conflicts(options, options);
  if (errors.length > 0) throw new EfsError('config-invalid', errors.join('\n'));
}

async function secretOf({ secretFile }: AsFlags, command: Command): Promise<string | null> {
  if (secretFile === undefined) return configOf(command).ingestSecret.text || null;
  const text = await readFile(secretFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new EfsError('config-invalid', `--secret-file: cannot read ${secretFile} (${error.code ?? ''})`);
  });
  return text.trim();
}

async function destinationOf(
  source: SimulatedSource,
  options: AsOptions,
  command: Command,
  signal: AbortSignal,
): Promise<Destination> {
  const { to } = options;
  if (to === undefined || to === '-') return toStdout(source);
  if (HTTP.test(to))
    return toHttp(source, to, await secretOf(options, command), { clock: systemClock, signal });
  if (!to.startsWith(KAFKA)) return toFile(source, to);
  const { config, log } = contextOf(command);
  return toKafka(to.slice(KAFKA.length), config, log);
}

/** The options of `efs ingest` that find a source's ids; empty where the customary places suffice. */
export function ingestOptions({ identity }: SimulatedSource): string {
  if (identity === null) return '';
  const { deliveryId, messageId } = identity;
  return ` --delivery-id '${deliveryId.join(',')}' --message-id '${messageId.join(',')}'`;
}

/** What was sent, and how it is read. */
export function asSummary(source: SimulatedSource, { to }: AsFlags, { events, stripped }: Sent): string[] {
  const from = to === undefined || HTTP.test(to) || to.startsWith(KAFKA) ? '-' : to;
  return [
    `${grouped(events)} events${stripped === 0 ? '' : `, ${grouped(stripped)} of them without ids`}`,
    `to read them: efs ingest ${source.name} ${from}${ingestOptions(source)}`,
  ];
}

/** `efs simulate --as SOURCE`. What it did goes to standard error: the events may be on standard output. */
export async function simulateAs(options: AsOptions, command: Command): Promise<void> {
  const source = must(
    SIMULATED_SOURCES.find(({ name }) => name === options.as),
    `no source is named ${options.as ?? ''}`,
  );
  const said: SaidOptions = { ...options, stripIdentity: options.stripIdentity ?? 0 };
  const total = options.messages * EVENTS_PER_MESSAGE * (1 + options.duplicates);
  const sent = await untilInterrupted(async (signal) => {
    const destination = await destinationOf(source, options, command, signal);
    const bar = progress(process.stderr, { total, what: 'events', clock: systemClock });
    try {
      return await sendEvents(saidTraffic(source, { ...ORDINARY_TRAFFIC, ...options, ...said }), {
        ...{ destination, rate: options.rate, clock: systemClock, signal },
        onProgress: ({ events }) => bar.at(events),
      });
    } finally {
      bar.end();
      await destination.close();
    }
  });
  const lines = options.json ? [jsonLine(sent)] : asSummary(source, options, sent);
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
}
