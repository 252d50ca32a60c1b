import { Command } from 'commander';
import { fastClock, systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { openLog } from '../base/log';
import { iso } from '../base/time';
import type { Delivery } from '../queries/delivery-view';
import { type Demo, demoInMemory, demoOnServers, type DemoTraffic, emitCampaigns } from './demo-stage';
import { unlessInterrupted, untilInterrupted } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, configOf, share, timeSpan, wholeNumber } from './options';
import { kpiTable } from './present';
import { grouped, jsonLine, printLines } from './print';
import { screen } from './screen';
import { setUp, setupLines } from './setup';

interface DemoOptions extends DemoTraffic {
  readonly speed: number;
  /** Duration in milliseconds; until Ctrl-C where absent. */
  readonly for?: number;
  readonly data?: string;
  readonly kafka?: true;
  readonly json?: true;
}

const REDRAW_MS = 500;
/** Where the output is not a terminal. */
const REPRINT_MS = 10_000;
/** Deliveries in the table: the latest ones. */
const ROWS = 14;

/** `efs demo`: the whole flow in one process, with simulated campaigns and the page; no Kafka, no Redis. */
export const demoCommand = (): Command =>
  addExample(
    addSettings(
      new Command('demo')
        .option('--speed <n>', 'seconds of the campaigns per second', wholeNumber(1, 100_000), 600)
        .option('--seed <n>', 'same seed, same campaigns', wholeNumber(0, 4_294_967_295), 1)
        .option('--duplicates <share>', 'share of records that are sent twice', share, 0.03)
        .option('--poison <share>', 'share of records that are dead-lettered', share, 0.0005)
        .option('--for <time>', 'end after this time, such as 30s, instead of at Ctrl-C', timeSpan)
        .option('--data <dir>', 'save the state in this directory, and continue from it')
        .option('--kafka', 'use the Kafka, registry and Redis of the settings instead of memory')
        .option('--json', 'print the address, and each change of a delivery, as lines of JSON')
        .action(async (options: DemoOptions, command: Command) => run(options, configOf(command))),
      ALL_SETTINGS,
      ['httpPort', 'httpHost'],
    ),
    'efs demo --speed 1200',
  );

async function run(options: DemoOptions, config: Config): Promise<void> {
  await untilInterrupted(async (interrupted) => {
    const over = new AbortController();
    const signal = AbortSignal.any([interrupted, over.signal]);
    const out = process.stdout;
    const opening = openDemo(options, config);
    const demo = await unlessInterrupted(interrupted, 'interrupted before the servers answered', opening);
    const { embedded } = demo;
    const address = await embedded.listen();
    if (options.json) printLines([jsonLine({ address })]);
    else out.write(introduction(options, address));
    if (options.for !== undefined) void systemClock.sleep(options.for, signal).then(() => over.abort());

    const showLast = options.json ? showChanges(demo) : showTable(demo, out);
    try {
      await emitCampaigns(demo, options, signal);
    } finally {
      await embedded.stop();
      showLast();
      await demo.maintain(demo.emittedUntil);
    }
    if (!options.json) out.write(`\n${summary(embedded.deliveries())}`);
  });
}

/** Opens the demo; on servers it sets them up first and prints the steps. */
async function openDemo(options: DemoOptions, config: Config): Promise<Demo> {
  const { speed } = options;
  if (options.kafka !== true)
    return demoInMemory(options, config, (startAt) => fastClock(systemClock, { startAt, speed }));
  const log = openLog({ level: 'warn', format: config.logFormat }, process.stderr);
  const steps = await setUp(config, log);
  if (!options.json) printLines([...setupLines(steps), '']);
  return demoOnServers(config, speed, log);
}

function introduction({ speed, seed }: DemoOptions, address: string): string {
  return [
    `Open ${address}`,
    '',
    `Simulated campaigns, seed ${seed}: a second here is ${(speed / 60).toFixed(0)} minutes there. "mirror" is sent twice with the same feedback,`,
    'once under each policy:',
    '  EFS    a message is taken into account until the MTA reports it delivered; Success starts at 0 % and rises',
    '  RELAY  a message is sent once relayed; Success starts at 100 % and falls',
    '"receipts" comes in as KumoMTA writes it: log records, read as `efs ingest kumomta` reads them.',
    'Ctrl-C ends the demo.\n\n',
  ].join('\n');
}

/**
 * Redraws the table regularly: in place on a terminal, below the last one elsewhere. Returns a function that draws it a
 * last time.
 */
function showTable({ embedded, clock }: Demo, out: NodeJS.WriteStream): () => void {
  const shown = screen(out);
  const draw = (): void => shown.draw(frame(embedded.deliveries(), clock.now()));
  const timer = setInterval(draw, out.isTTY ? REDRAW_MS : REPRINT_MS);
  return () => {
    clearInterval(timer);
    draw();
  };
}

/** Prints each change of a delivery as a line of JSON. Returns a function that ends it. */
function showChanges({ embedded }: Demo): () => void {
  return embedded.onChange((delivery) => printLines([jsonLine(delivery)]));
}

function frame(deliveries: readonly Delivery[], at: number): string {
  if (deliveries.length === 0) return '';
  const time = iso(at);
  const now = `It is ${time.slice(0, 10)} ${time.slice(11, 16)} UTC in the campaigns.\n`;
  return [...kpiTable(deliveries.slice(-ROWS)), '', now].join('\n');
}

function summary(deliveries: readonly Delivery[]): string {
  const total = (field: 'relayed' | 'sent' | 'failed'): number =>
    deliveries.reduce((sum, { kpis }) => sum + kpis[field], 0);
  return [
    `${grouped(total('relayed'))} messages of ${deliveries.length} deliveries: ${grouped(total('sent'))} sent, ${grouped(total('failed'))} failed.`,
    'Next: `efs setup`, `efs run` and `efs simulate` do the same on real servers; see the README.\n',
  ].join('\n');
}
