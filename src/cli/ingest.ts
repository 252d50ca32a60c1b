import { Command } from 'commander';
import { outagesOf } from '../app/compose';
import { openIndexing } from '../app/ingest-index';
import { openProducer } from '../app/producer';
import { systemClock, systemRandom } from '../base/clock';
import { EfsError } from '../base/errors';
import { type Log, openLog } from '../base/log';
import { follow } from '../ingest/follow';
import { followMaildir } from '../ingest/maildir';
import type { IngestSource, Taken } from '../ingest/source';
import { NOTHING_TAKEN, tallied } from '../ingest/tally';
import { writer } from '../ingest/writer';
import { printable } from '../mta/feedback';
import type { Config } from '../settings/table';
import { NO_METER } from '../tasks/meter';
import { type Retry, retryUntil, Stopped } from '../tasks/retry';
import { inSpan, spanIds } from '../tracing/span';
import { explainCommand, formatsCommand } from './ingest-explain';
import { indexedHere, readInputs, STDIN, type Take } from './ingest-inputs';
import { ingestLettersCommand, ingestRedriveCommand } from './ingest-letters';
import { addSourceFlags, formatArgument, type SourceFlags, sourceFrom } from './ingest-options';
import { ingestKafkaCommand, serveCommand } from './ingest-process';
import { printTally } from './ingest-tally';
import { untilInterrupted } from './interrupt';
import {
  addExample,
  addSettings,
  configOf,
  INDEX_SETTINGS,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
} from './options';
import { jsonLine, printLines } from './print';

interface Flags extends SourceFlags {
  readonly dryRun?: true;
  readonly follow?: true;
  readonly checkpoint?: string;
  readonly contentType?: string;
  readonly json?: true;
}

/** Prints one line an outcome. */
const printing: Take = (taken, file) => {
  printLines(
    taken.map(({ mapped }) => jsonLine(file === null ? printable(mapped) : { ...printable(mapped), file })),
  );
  return Promise.resolve();
};

/** Repeats what a server that does not answer prevents, and says on standard error which one it is. */
function patience(config: Config, signal: AbortSignal): { readonly retry: Retry; readonly log: Log } {
  const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds }, process.stderr);
  const outages = outagesOf({ log, meter: NO_METER, onReason: () => undefined }, systemClock);
  return { retry: retryUntil(signal, { clock: systemClock, random: systemRandom, outages }), log };
}

/** A signal that stops a command while it waits for a server is no failure. */
function unlessStopped(error: unknown): void {
  if (!(error instanceof Stopped)) throw error;
}

async function produceAll(
  source: IngestSource,
  names: readonly string[],
  flags: Flags,
  config: Config,
): Promise<void> {
  let tally = NOTHING_TAKEN;
  await untilInterrupted(async (signal) => {
    const { retry, log } = patience(config, signal);
    const producer = await retry(() => openProducer(config, log));
    const { write, failed, close } = await retry(() =>
      openIndexing(config, log, {
        ...{ sources: [source], write: writer(producer), withinMs: Infinity, signal },
        emit: (records) => producer.sink.emit(records),
      }),
    );
    const take = async (taken: readonly Taken[]): Promise<void> => {
      if (taken.length === 0) return;
      const about = { 'efs.source': source.name, 'efs.events': taken.length };
      tally = tallied(tally, await inSpan('efs.ingest', about, () => retry(() => write(source, taken))));
    };
    try {
      const reading =
        flags.follow === true
          ? followOne(source, names, flags, { signal, write: take })
          : readInputs(source, names, flags.contentType ?? null, take);
      await Promise.race([reading, failed]);
    } finally {
      await close();
      await producer.close();
    }
  }).catch(unlessStopped);
  printTally(tally, flags);
}

/** Follows the one log, or maildir, that is named. */
async function followOne(
  source: IngestSource,
  names: readonly string[],
  { checkpoint }: Flags,
  how: { readonly signal: AbortSignal; write(taken: readonly Taken[]): Promise<void> },
): Promise<void> {
  const [path, ...more] = names;
  const { format } = source;
  const isLog = format.framing !== 'json' || format.isLog;
  if (!isLog || path === undefined || path === STDIN || more.length > 0)
    throw new EfsError('config-invalid', '--follow: takes one log, or one maildir');
  const shared = { source, path, clock: systemClock, ...how };
  if (format.framing === 'mail') await followMaildir({ ...shared, format });
  else await follow({ ...shared, format, checkpoint: checkpoint ?? `${path}.checkpoint` });
}

async function ingest(
  format: string,
  names: readonly string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  const source = sourceFrom(format, flags, systemClock);
  if (flags.dryRun === true)
    await readInputs(source, names, flags.contentType ?? null, indexedHere(source, printing));
  else await produceAll(source, names, flags, configOf(command));
}

const SUBCOMMANDS = [
  ...[formatsCommand, explainCommand, serveCommand, ingestKafkaCommand],
  ...[ingestLettersCommand, ingestRedriveCommand],
];

/** `efs ingest`. */
export function ingestCommand(): Command {
  const command = new Command('ingest')
    .enablePositionalOptions()
    .addArgument(formatArgument())
    .argument('[files...]', 'files to read; - or none is standard input')
    .option('--dry-run', 'print what each event becomes, and write nothing')
    .option('--follow', 'go on with what is written to the file, also over its rotation')
    .option('--checkpoint <file>', 'where --follow keeps its position (default: the file with .checkpoint)')
    .option('--content-type <type>', 'of a webhook body, where its bytes do not tell')
    .option('--json', 'print the sums as JSON, as --dry-run prints each event')
    .action(ingest);
  addSourceFlags(command);
  addSettings(command, [...INDEX_SETTINGS, ...KAFKA_SETTINGS, ...REGISTRY_SETTINGS]);
  for (const subcommand of SUBCOMMANDS) command.addCommand(subcommand());
  return addExample(command, 'efs ingest kumomta events.ndjson --dry-run');
}
