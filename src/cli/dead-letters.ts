import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock';
import { EfsError, isRetriable } from '../base/errors';
import { iso } from '../base/time';
import { DEAD_LETTER_REASONS, feedbackPeek } from '../feedback/decode';
import { masked, maskedDetail, previewOf } from '../feedback/redaction';
import { DEAD_LETTER_TOPIC, INPUT_TOPICS } from '../feedback/topics';
import type { SchemaRegistry } from '../avro/registry';
import {
  deadLetterAt,
  deadLetters,
  type FoundLetter,
  type LetterFilter,
  type LettersIn,
  totalRedriven,
  redrive,
} from '../service/redrive';
import { kafkaOf, registryOf, sinkOf, withReader } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { type LetterView, letterLines, listLines, redriveLines } from './letters';
import {
  addExample,
  addSettings,
  contextOf,
  KAFKA_SETTINGS,
  moment,
  REGISTRY_SETTINGS,
  wholeNumber,
} from './options';
import { jsonLine, print, printLines } from './print';
import { progress } from './progress';

interface FilterOptions {
  readonly reason: readonly string[];
  readonly topic: readonly string[];
  readonly since?: number;
  readonly until?: number;
}

interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly all?: true;
  readonly json?: true;
}

interface ShowOptions {
  readonly unmasked?: true;
  readonly json?: true;
}

interface RedriveFlags extends FilterOptions {
  readonly dryRun?: true;
  readonly again?: true;
  readonly byKey?: true;
  readonly rate: number;
  readonly json?: true;
}

/** An option that may be given several times; each value must be one of `names`. */
const anyOf = (flags: string, description: string, names: readonly string[]): Option =>
  new Option(flags, description)
    .choices(names)
    .argParser((text, given: readonly string[]) => {
      if (names.includes(text)) return [...given, text];
      throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
    })
    .default([]);

/** Parses the position of a dead letter on its topic, `partition/offset`. */
export function place(text: string): { partition: number; offset: number } {
  const [, partition, offset] = /^(\d{1,9})\/(\d{1,15})$/.exec(text) ?? [];
  if (partition !== undefined) return { partition: Number(partition), offset: Number(offset) };
  throw new InvalidArgumentError('It must be like 3/42: partition and offset, as listed.');
}

function filterOf({ reason, topic, since, until }: FilterOptions): LetterFilter {
  return { reasons: reason, topics: topic, since: since ?? -Infinity, until: until ?? Infinity };
}

/** Without the registry the bytes are shown; any other error is thrown. */
function nullIfRetriable(error: unknown): null {
  if (isRetriable(error)) return null;
  throw error;
}

/** Makes views of letters: values are decoded with the registry's schemas where it has them. */
function viewer(registry: SchemaRegistry, showsRecipients: boolean) {
  const peek = feedbackPeek({ registry, clock: systemClock });
  const clean = (text: string): string => (showsRecipients ? text : masked(text)).slice(0, 200);
  return async ({ letter, redriven }: FoundLetter): Promise<LetterView> => {
    const { record, reason, detail, origin, redrivenFrom, valueBytes: bytes } = letter;
    const feedback = record.value === null ? null : await peek(record.value).catch(nullIfRetriable);
    const key = record.key?.toString('utf8') ?? null;
    return {
      id: `${record.partition}/${record.offset}`,
      at: iso(record.timestamp),
      reason,
      detail: showsRecipients ? detail : maskedDetail(reason, detail),
      origin: `${origin.topic}/${origin.partition}/${origin.offset}`,
      // A key that is not the message's id may hold personal data.
      key: key === null || key === feedback?.messageId ? key : clean(key),
      headers: letter.headers.length,
      bytes,
      truncated: !letter.isWhole,
      preview: previewOf(record.value, feedback, { showsRecipients, bytes }),
      redriven,
      redrivenFrom,
    };
  };
}

/** The newest letters that match the filter, and the number of all that match, by reason. */
export async function newest(
  letters: LettersIn,
  filter: LetterFilter,
  { limit, all }: { readonly limit: number; readonly all: boolean },
): Promise<{ found: FoundLetter[]; byReason: Map<string, number> }> {
  const byReason = new Map<string, number>();
  let found: FoundLetter[] = [];
  const cut = (): void => {
    found.sort((a, b) => b.letter.record.timestamp - a.letter.record.timestamp);
    found = found.slice(0, limit);
  };
  for await (const chunk of deadLetters(letters, filter)) {
    const wanted = chunk.filter(({ redriven }) => all || !redriven);
    for (const { letter } of wanted) byReason.set(letter.reason, (byReason.get(letter.reason) ?? 0) + 1);
    found.push(...wanted);
    if (found.length > 2 * limit) cut();
  }
  cut();
  return { found, byReason };
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const view = viewer(registryOf(config, log), false);
  await withReader(config, log, async (reader) => {
    const letters = { reader, prefix: config.topicPrefix };
    const { limit, all = false } = options;
    const { found, byReason } = await newest(letters, filterOf(options), { limit, all });
    const views: LetterView[] = [];
    for (const each of found) views.push(await view(each));
    printLines(options.json ? views.map(jsonLine) : listLines(views, byReason));
  });
}

async function show(
  { partition, offset }: { partition: number; offset: number },
  options: ShowOptions,
  command: Command,
): Promise<void> {
  const { config, log } = contextOf(command);
  const view = viewer(registryOf(config, log), options.unmasked === true);
  await withReader(config, log, async (reader) => {
    const found = await deadLetterAt({ reader, prefix: config.topicPrefix }, partition, offset);
    if (found === null) throw new EfsError('not-found', `there is no dead letter at ${partition}/${offset}`);
    print(await view(found), options, letterLines);
  });
}

async function redriveLetters(options: RedriveFlags, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const { again = false, byKey = false, dryRun = false, rate } = options;
  const sink = sinkOf(config, kafkaOf(config, log));
  await withReader(config, log, async (reader) => {
    const letters = { reader, prefix: config.topicPrefix };
    const total = await countIn(letters);
    const bar = progress(process.stderr, { total, what: 'put back', clock: systemClock });
    try {
      const report = await untilInterrupted((signal) =>
        redrive({
          ...letters,
          sink,
          clock: systemClock,
          filter: filterOf(options),
          again,
          byKey,
          rate,
          dryRun,
          signal,
          onProgress: (so) => bar.at(totalRedriven(so)),
        }),
      );
      bar.end();
      const put = Object.fromEntries(report.put);
      print({ dryRun, ...report, put }, options, () => redriveLines(report, dryRun));
    } finally {
      bar.end();
      await sink.close();
    }
  });
}

/** Records on the dead-letter topic: an upper bound of those to put back. */
async function countIn({ reader, prefix }: LettersIn): Promise<number> {
  const topic = prefix + DEAD_LETTER_TOPIC;
  const partitions = await reader.partitions(topic);
  let total = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const { low, high } = await reader.watermarks(topic, partition);
    total += high - low;
  }
  return total;
}

function filtered(command: Command): Command {
  return command
    .addOption(anyOf('--reason <reason>', 'only this reason; may be repeated', DEAD_LETTER_REASONS))
    .addOption(anyOf('--topic <name>', 'only from this topic; may be repeated', INPUT_TOPICS))
    .option('--since <time>', 'only records stamped at this time or later', moment)
    .option('--until <time>', 'only records stamped before this time', moment);
}

/** `efs dead-letters list`, `show` and `redrive`. */
export function deadLettersCommand(): Command {
  const group = new Command('dead-letters').helpCommand(false);
  const listing = filtered(new Command('list').description('list the newest dead letters, addresses masked'))
    .option('--limit <n>', 'maximum number to show', wholeNumber(1, 10_000), 50)
    .option('--all', 'include those that have been put back')
    .option('--json', 'print each as a line of JSON')
    .action(list);
  const showing = new Command('show')
    .description('show one dead letter in full')
    .argument('<partition/offset>', 'its position, as listed', place)
    .option('--unmasked', 'show addresses, and bytes that are not feedback')
    .option('--json', 'print JSON')
    .action(show);
  const redriving = filtered(
    new Command('redrive').description(
      'put dead letters back into the topics they came from; each once, so it is safe to run again',
    ),
  )
    .option('--dry-run', 'only report what would be put back')
    .option('--rate <n>', 'records per second; 0 is as fast as possible', wholeNumber(0, 1_000_000), 1_000)
    .option('--again', 'include those that were put back and dead-lettered again')
    .option('--by-key', 'put each into the partition that its key belongs to')
    .option('--json', 'print what was done as JSON')
    .action(redriveLetters);
  addExample(
    addSettings(listing, [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS]),
    'efs dead-letters list --reason not-avro --since 2026-01-05T08:00:00Z',
  );
  addExample(addSettings(showing, [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS]), 'efs dead-letters show 0/0');
  addExample(
    addSettings(redriving, KAFKA_SETTINGS),
    'efs dead-letters redrive --reason unknown-schema --dry-run',
  );
  group.addCommand(listing).addCommand(showing).addCommand(redriving);
  return addExample(group, 'efs dead-letters list');
}
