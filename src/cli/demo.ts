import { Command } from 'commander';
import { type Clock, fastClock, systemClock } from '../base/clock';
import type { Config } from '../base/config';
import type { Delivery } from '../http/view';
import { scenario } from '../simulation/scenario';
import { ORDINARY_TRAFFIC, type TrafficRecord, untidied } from '../simulation/traffic';
import { keepDemo, readDemo, trimLog } from './demo-data';
import { embedInMemory, type Embedded, embedOnServers } from './embed';
import { untilInterrupted } from './interrupt';
import { kpiTable } from './kpi-table';
import { addExample, addSettings, ALL_SETTINGS, configOf, share, timeSpan, wholeNumber } from './options';
import { outgoing } from './produce';
import { setUp, setupLines } from './setup';

interface DemoOptions {
  readonly speed: number;
  readonly seed: number;
  readonly duplicates: number;
  readonly poison: number;
  /** How long, in milliseconds; until Ctrl-C, where absent. */
  readonly for?: number;
  readonly data?: string;
  readonly kafka?: true;
}

const TICK_MS = 50;
const REDRAW_MS = 500;
/** On paper a table now and then is enough. */
const REPRINT_MS = 10_000;
/** When the demo's first campaign begins: any Monday morning. */
const START_AT = Date.UTC(2026, 0, 5, 8);
/** How often the log is trimmed, and the state kept where it is to be. */
const TIDY_MS = 20_000;
/** Deliveries in the table: those that began last. */
const ROWS = 14;

/** `efs demo`: the whole flow in one process, with simulated campaigns and the page; no Kafka, no Redis. */
export const demoCommand = (): Command =>
  addExample(
    addSettings(new Command('demo'), ALL_SETTINGS)
      .description('show the whole flow in one process, on simulated campaigns: no server needed')
      .option('--speed <n>', 'seconds of the campaigns in one of yours', wholeNumber(1, 100_000), 600)
      .option('--seed <n>', 'same seed, same campaigns', wholeNumber(0, 4_294_967_295), 1)
      .option('--duplicates <share>', 'records that come twice', share, 0.03)
      .option('--poison <share>', 'records that must be set aside', share, 0.0005)
      .option('--for <time>', 'end after so long, such as 30s, instead of at Ctrl-C', timeSpan)
      .option('--data <dir>', 'keep the state in this directory, and go on from what it holds')
      .option('--kafka', 'on the Kafka, registry and Redis of the settings instead of in memory')
      .action(async (options: DemoOptions, command: Command) => demo(options, configOf(command))),
    'efs demo --speed 1200',
  );

/** A running demo: the service, and the time in which its campaigns live. */
interface Stage {
  readonly embedded: Embedded;
  readonly clock: Clock;
  /** When the first campaign began. */
  readonly startAt: number;
  /** What happened until then has been told. */
  toldUntil: number;
  /** Done now and then, and at the end. */
  tidy(toldUntil: number): Promise<void>;
}

async function demo(options: DemoOptions, config: Config): Promise<void> {
  await untilInterrupted(async (interrupted) => {
    const over = new AbortController();
    const signal = AbortSignal.any([interrupted, over.signal]);
    const out = process.stdout;
    const stage = options.kafka === true ? await onServers(options, config) : await inMemory(options, config);
    const { embedded } = stage;
    out.write(introduction(options, await embedded.listen()));
    if (options.for !== undefined) void systemClock.sleep(options.for, signal).then(() => over.abort());

    const screen = showing(embedded, out);
    try {
      await report(stage, options, signal);
    } finally {
      clearInterval(screen);
      await embedded.stop();
      await stage.tidy(stage.toldUntil);
    }
    out.write(`${frame(embedded.deliveries(), out.isTTY)}\n${summary(embedded.deliveries())}`);
  });
}

/** The demo on a log and a store of its own, which go on from what was kept of them. */
async function inMemory(options: DemoOptions, config: Config): Promise<Stage> {
  const { seed, speed, data } = options;
  const kept = data === undefined ? null : await readDemo(data, seed);
  const toldUntil = kept?.toldUntil ?? START_AT - 1;
  const clock = fastClock(systemClock, { startAt: toldUntil, speed });
  const own = { ...config, partitions: 4, topicPrefix: '' };
  const embedded = await embedInMemory(own, { clock }, kept?.state);
  const tidy = async (until: number): Promise<void> => {
    trimLog(embedded.log);
    if (data === undefined) return;
    const state = { log: embedded.log.snapshot(), store: embedded.store.snapshot() };
    await keepDemo(data, { seed, toldUntil: until, state });
  };
  return { embedded, clock, startAt: START_AT, toldUntil, tidy };
}

/** The demo on real servers, set up as `efs setup` does. Its campaigns begin now. */
async function onServers({ speed }: DemoOptions, config: Config): Promise<Stage> {
  process.stdout.write(`${setupLines(await setUp(config)).join('\n')}\n\n`);
  const startAt = systemClock.now();
  const clock = fastClock(systemClock, { startAt, speed });
  const embedded = await embedOnServers(config, { clock });
  return { embedded, clock, startAt, toldUntil: startAt - 1, tidy: async () => undefined };
}

/** Tells the feedback of the campaigns when its time has come, until the signal aborts. */
async function report(stage: Stage, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { embedded, clock, startAt } = stage;
  const { seed, duplicates, poison } = options;
  const events = scenario({ seed, startAt, after: stage.toldUntil });
  const untidiness = { seed, duplicates, poison, disorder: 0, limits: ORDINARY_TRAFFIC.limits };
  const records = untidied(events, untidiness, embedded.encode);
  let next = records.next().value as TrafficRecord;
  let tidied = clock.monotonic();
  while (!signal.aborted) {
    const now = clock.now();
    const due: TrafficRecord[] = [];
    for (; (next.feedback?.occurredAt ?? 0) <= now; next = records.next().value as TrafficRecord)
      due.push(next);
    if (due.length > 0) await embedded.sink.emit(due.map((each) => outgoing(each, embedded.partitions)));
    stage.toldUntil = now;
    if (clock.monotonic() - tidied > TIDY_MS) {
      await stage.tidy(now);
      tidied = clock.monotonic();
    }
    await clock.sleep(TICK_MS, signal);
  }
}

function introduction({ speed, seed }: DemoOptions, address: string): string {
  return [
    `Open ${address}`,
    '',
    `Simulated campaigns, seed ${seed}: a second here is ${(speed / 60).toFixed(0)} minutes there. "mirror" is sent twice with the same feedback,`,
    'once under each policy:',
    '  EFS    a message is taken into account until the MTA reports it delivered; Success starts at 0 % and rises',
    '  RELAY  a message is sent once relayed; Success starts at 100 % and falls',
    `Ctrl-C ends the demo.\n\n${process.stdout.isTTY ? SAVE_CURSOR : ''}`,
  ].join('\n');
}

/** Shows the table: over itself on a terminal, now and then elsewhere. */
function showing(embedded: Embedded, out: NodeJS.WriteStream): NodeJS.Timeout {
  const show = (): boolean => out.write(frame(embedded.deliveries(), out.isTTY));
  return setInterval(show, out.isTTY ? REDRAW_MS : REPRINT_MS);
}

const SAVE_CURSOR = '\u001b7';
const TO_SAVED_AND_CLEAR = '\u001b8\u001b[J';

function frame(deliveries: readonly Delivery[], terminal: boolean): string {
  const table = deliveries.length === 0 ? '' : kpiTable(deliveries.slice(-ROWS));
  return terminal ? `${TO_SAVED_AND_CLEAR}${table}` : `${table}\n`;
}

function summary(deliveries: readonly Delivery[]): string {
  const total = (field: 'relayed' | 'sent' | 'failed'): number =>
    deliveries.reduce((sum, { kpis }) => sum + kpis[field], 0);
  return [
    `${total('relayed')} messages of ${deliveries.length} deliveries: ${total('sent')} sent, ${total('failed')} failed.`,
    'Next: `efs setup`, `efs run` and `efs simulate` do the same on real servers; see the README.\n',
  ].join('\n');
}
