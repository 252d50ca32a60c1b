import { Command, Option } from 'commander';
import { withReader } from '../app/connect';
import { openIndexing } from '../app/ingest-index';
import { withProducer } from '../app/producer';
import { systemClock } from '../base/clock';
import { iso } from '../base/time';
import type { IngestLetter } from '../feedback/ingest-letter';
import { masked } from '../feedback/redaction';
import { type IngestLetterFilter, ingestLetters, remapped } from '../ingest/letters';
import { NOTHING_TAKEN, tallied } from '../ingest/tally';
import { writer } from '../ingest/writer';
import { REJECTIONS } from '../mta/event';
import { addSourceFlags, formatArgument, type SourceFlags, sourceFrom } from './ingest-options';
import { printTally } from './ingest-tally';
import {
  addExample,
  addSettings,
  contextOf,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
  wholeNumber,
} from './options';
import { grouped, jsonLine, printLines, table } from './print';

interface FilterFlags {
  readonly reason?: string;
  readonly source?: string;
}

const filterOf = ({ reason, source }: FilterFlags, format: string | null): IngestLetterFilter => ({
  reason: reason ?? null,
  source: source ?? null,
  format,
});

const SHOWN_BYTES = 120;

/** Letters, one line each, and how many there are by source and reason. */
export function ingestLetterLines(
  newest: readonly IngestLetter[],
  counts: ReadonlyMap<string, number>,
): string[] {
  if (counts.size === 0) return ['no dead letters'];
  const rows = newest.map(({ id, at, source, reason, detail, value }) => [
    ...[id, iso(at), source, reason, masked(detail)],
    masked(value.subarray(0, SHOWN_BYTES).toString('utf8')).replaceAll('\n', ' '),
  ]);
  const sums = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, count]) => `${what} ${grouped(count)}`);
  return [...table(rows, 'l'), sums.join(', ')];
}

/** A letter for JSON, masked as in the list. */
const letterView = ({ id, at, source, format, reason, detail, value }: IngestLetter) => ({
  ...{ id, at: iso(at), source, format, reason, detail: masked(detail), bytes: value.length },
  preview: masked(value.subarray(0, SHOWN_BYTES).toString('utf8')),
});

interface ListFlags extends FilterFlags {
  readonly limit: number;
  readonly json?: true;
}

async function list(flags: ListFlags, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const counts = new Map<string, number>();
  let newest: IngestLetter[] = [];
  await withReader(config, log, async (reader) => {
    for await (const letters of ingestLetters(reader, config.topicPrefix, filterOf(flags, null))) {
      for (const { source, reason } of letters)
        counts.set(`${source} ${reason}`, (counts.get(`${source} ${reason}`) ?? 0) + 1);
      newest = [...newest, ...letters].sort((a, b) => b.at - a.at).slice(0, flags.limit);
    }
  });
  printLines(
    flags.json ? newest.map((letter) => jsonLine(letterView(letter))) : ingestLetterLines(newest, counts),
  );
}

async function redrive(
  format: string,
  flags: FilterFlags & SourceFlags & { readonly dryRun?: true; readonly json?: true },
  command: Command,
): Promise<void> {
  const { config, log } = contextOf(command);
  const source = sourceFrom(format, flags, systemClock);
  let tally = NOTHING_TAKEN;
  await withReader(config, log, (reader) =>
    withProducer(config, log, async (producer) => {
      const { write, answers, close } = await openIndexing(config, log, {
        ...{ sources: [source], write: writer(producer), withinMs: 0 },
        emit: (records) => producer.sink.emit(records),
        signal: new AbortController().signal,
      });
      try {
        for await (const letters of ingestLetters(reader, config.topicPrefix, filterOf(flags, format))) {
          const { mapped, left } = await remapped(source, letters, answers);
          if (flags.dryRun !== true) await write(source, mapped);
          tally = tallied(tallied(tally, mapped), left);
        }
      } finally {
        await close();
      }
    }),
  );
  printTally(tally, flags);
}

const filtered = (command: Command): Command =>
  command
    .option('--source <name>', 'only letters of this source')
    .addOption(new Option('--reason <reason>', 'only letters of this reason').choices(REJECTIONS));

/** `efs ingest dead-letters`. */
export const ingestLettersCommand = (): Command =>
  addExample(
    addSettings(
      filtered(new Command('dead-letters'))
        .description('list what sources sent that could not become feedback')
        .option('--limit <n>', 'letters to show, the newest first', wholeNumber(1, 10_000), 20)
        .option('--json', 'print each as a line of JSON')
        .action(list),
      KAFKA_SETTINGS,
    ),
    'efs ingest dead-letters --reason unmatched',
  );

/** `efs ingest redrive`. */
export const ingestRedriveCommand = (): Command =>
  addExample(
    addSettings(
      addSourceFlags(filtered(new Command('redrive')))
        .description('map the dead letters of a format again, with the settings given now')
        .addArgument(formatArgument('the format that the letters were sent in'))
        .option('--dry-run', 'say what the letters would become, and write nothing')
        .option('--json', 'print the sums as JSON')
        .action(redrive),
      ['ingestIndexBytes', ...KAFKA_SETTINGS, ...REGISTRY_SETTINGS],
    ),
    'efs ingest redrive kumomta --reason unmatched --delivery-id headers.X-Campaign-ID',
  );
