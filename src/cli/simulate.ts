import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import { HOUR_MS, iso } from '../base/time';
import { INPUT_TOPICS } from '../feedback/topics';
import { ORDINARY_TRAFFIC, traffic, type TrafficOptions } from '../simulation/traffic';
import { withProducer } from '../app/producer';
import { untilInterrupted } from './interrupt';
import {
  addExample,
  addSettings,
  contextOf,
  KAFKA_SETTINGS,
  moment,
  REGISTRY_SETTINGS,
  share,
  wholeNumber,
} from './options';
import { grouped, print } from './print';
import { type Produced, produce } from '../simulation/produce';
import { progress } from './progress';
import { addAsFlags, type AsFlags, checkAsFlags, simulateAs } from './simulate-as';

interface Options extends AsFlags {
  readonly deliveries: number;
  readonly messages: number;
  readonly rate: number;
  readonly disorder: number;
  readonly duplicates: number;
  readonly poison: number;
  readonly policyMix: TrafficOptions['policyMix'];
  readonly seed: number;
  readonly startAt: number;
  readonly json?: true;
}

/** Old enough that no simulated event is in the future: retries last 3.5 days, asynchronous bounces arrive within 3. */
const AGE_MS = 96 * HOUR_MS;
const RECORDS_PER_MESSAGE = 2.13;

/** Parses `efs=0.3,relay=0.2`; the remaining deliveries name no policy. */
export function policyMix(text: string): TrafficOptions['policyMix'] {
  const shares = { efs: 0, relay: 0 };
  for (const part of text.split(',')) {
    const [, name, value] = /^(efs|relay)=(\d*\.?\d+)$/.exec(part.trim()) ?? [];
    if (name === undefined) throw new InvalidArgumentError('It must be like efs=0.3,relay=0.2.');
    shares[name as 'efs' | 'relay'] = Number(value);
  }
  if (shares.efs + shares.relay > 1) throw new InvalidArgumentError('The shares must not exceed 1 together.');
  return shares;
}

/** The command that produces the same records. */
function commandFor(options: Options): string {
  const { deliveries, messages, disorder, duplicates, poison, policyMix: mix, seed, startAt } = options;
  const flags = [
    `--seed ${seed}`,
    `--deliveries ${deliveries}`,
    `--messages ${messages}`,
    `--policy-mix efs=${mix.efs},relay=${mix.relay}`,
    `--start-at ${iso(startAt)}`,
    ...Object.entries({ disorder, duplicates, poison }).flatMap(([name, value]) =>
      value > 0 ? [`--${name} ${value}`] : [],
    ),
  ];
  return `efs simulate ${flags.join(' ')}`;
}

/** What was produced, and how to produce it again. */
export function summary(produced: Produced, options: Options, elapsedMs: number): string[] {
  const { records, bytes, poison, byTopic } = produced;
  const rate = grouped((records * 1000) / Math.max(1, elapsedMs));
  const counts = INPUT_TOPICS.map((topic, index) => `  ${topic} ${grouped(byTopic[index] ?? 0)}`);
  return [
    `${grouped(records)} records, ${grouped(bytes / 1024)} KiB, in ${(elapsedMs / 1000).toFixed(1)} s: ${rate}/s`,
    ...counts,
    ...(poison > 0 ? [`  of these to be dead-lettered: ${grouped(poison)}`] : []),
    `deliveries DM${options.seed.toString(36)}-1 to DM${options.seed.toString(36)}-${options.deliveries}`,
    `to repeat: ${commandFor(options)}`,
  ];
}

async function send(options: Options, config: Config, log: Log, signal: AbortSignal): Promise<Produced> {
  const { maxValueBytes, maxHeaders } = config;
  const total = options.messages * RECORDS_PER_MESSAGE * (1 + options.duplicates + options.poison);
  const bar = progress(process.stderr, { total, what: 'records', clock: systemClock });
  try {
    return await withProducer(config, log, ({ sink, partitions, encode }) => {
      const limits = { maxValueBytes, maxHeaders };
      const records = traffic({ ...ORDINARY_TRAFFIC, ...options, limits }, encode);
      const { rate } = options;
      const onProgress = (produced: Produced): void => bar.at(produced.records);
      return produce(records, { sink, partitions, rate, clock: systemClock, signal, onProgress });
    });
  } finally {
    bar.end();
  }
}

async function simulate(options: Options, command: Command): Promise<void> {
  checkAsFlags(options);
  if (options.as !== undefined) return simulateAs(options, command);
  const { config, log } = contextOf(command);
  const began = systemClock.monotonic();
  const produced = await untilInterrupted((signal) => send(options, config, log, signal));
  const elapsedMs = systemClock.monotonic() - began;
  const byTopic = Object.fromEntries(
    INPUT_TOPICS.map((topic, index) => [topic, produced.byTopic[index] ?? 0]),
  );
  const view = { ...produced, byTopic, seconds: elapsedMs / 1000, command: commandFor(options) };
  print(view, options, () => summary(produced, options, elapsedMs));
}

/** `efs simulate`. */
export function simulateCommand(): Command {
  const { deliveries, messages } = ORDINARY_TRAFFIC;
  const command = new Command('simulate')
    .option('--deliveries <n>', 'number of deliveries; sizes are skewed', wholeNumber(1, 100_000), deliveries)
    .option('--messages <n>', 'number of messages in all', wholeNumber(1, 1_000_000_000), messages)
    .option('--rate <n>', 'records per second; 0 is as fast as possible', wholeNumber(0, 10_000_000), 0)
    .option('--disorder <share>', 'how far records are out of order, 0 to 1', share, 0)
    .option('--duplicates <share>', 'share of records that are sent twice', share, 0)
    .option('--poison <share>', 'share of additional records that are dead-lettered', share, 0)
    .addOption(
      new Option('--policy-mix <shares>', 'deliveries that name a policy')
        .argParser(policyMix)
        .default(ORDINARY_TRAFFIC.policyMix, 'efs=0.3,relay=0.2'),
    )
    .addOption(
      new Option('--seed <n>', 'the same seed produces the same traffic')
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
        .default(Math.floor(systemRandom() * 2 ** 32), 'random'),
    )
    .addOption(
      new Option('--start-at <time>', 'event time of the first relay')
        .argParser(moment)
        .default(Math.floor((systemClock.now() - AGE_MS) / HOUR_MS) * HOUR_MS, 'four days ago'),
    )
    .option('--json', 'print what was produced as JSON; with --as, on standard error')
    .action(simulate);
  addAsFlags(command);
  addSettings(command, [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, 'maxValueBytes', 'maxHeaders']);
  return addExample(
    command,
    'efs simulate --deliveries 5 --messages 2000 --disorder 0.1 --duplicates 0.05 --poison 0.001',
    'efs simulate --as kumomta --messages 2000 --strip-identity 0.01 --to events.ndjson',
  );
}
