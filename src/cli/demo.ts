import { Command } from 'commander';
import { systemClock } from '../base/clock';
import type { Config } from '../base/config';
import { silentLog } from '../base/log';
import type { MemoryLog } from '../feedback/log.memory';
import { partitionOf } from '../feedback/partitioner';
import { SCHEMAS } from '../feedback/schemas';
import { DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../feedback/topics';
import { embed, type Embedded } from '../index';
import { type KpiChanged, wireType } from '../kpi/encode';
import { wireEncoder } from '../simulation/encode';
import { ORDINARY_TRAFFIC, traffic, type TrafficRecord } from '../simulation/traffic';
import { createHealth } from '../http/health';
import { createMetrics } from '../http/metrics';
import { startHttp } from '../http/server.http';
import { outagesOf } from './assemble';
import { aborted } from './interrupt';
import { kpiTable } from './kpi-table';
import { addExample, addSettings, configOf, HTTP_SETTINGS, share, wholeNumber } from './options';
import { version } from './version';
import { lookThrough, routesOf, windowOf } from './window';

interface DemoOptions {
  readonly deliveries: number;
  readonly messages: number;
  readonly rate: number;
  readonly disorder: number;
  readonly duplicates: number;
  readonly poison: number;
  readonly seed: number;
  readonly once?: true;
}

const TICK_MS = 100;
const REDRAW_MS = 500;

/** `efs demo`: the whole flow in one process, with simulated traffic; no Kafka, no Redis. */
export const demoCommand = (): Command =>
  addExample(
    addSettings(new Command('demo'), HTTP_SETTINGS)
      .description('show the whole flow in one process, on simulated traffic: no server needed')
      .option('--deliveries <n>', 'deliveries to send', wholeNumber(1, 1_000), 8)
      .option('--messages <n>', 'messages in all', wholeNumber(1, 10_000_000), 60_000)
      .option('--rate <n>', 'feedback records a second', wholeNumber(1, 1_000_000), 5_000)
      .option('--disorder <share>', 'how far records leave their order', share, 0.05)
      .option('--duplicates <share>', 'records that come twice', share, 0.05)
      .option('--poison <share>', 'records that must be set aside', share, 0.001)
      .option('--seed <n>', 'same seed, same traffic', wholeNumber(0, 4_294_967_295), 1)
      .option('--once', 'end when the traffic has ended, instead of serving on until Ctrl-C')
      .action(async (options: DemoOptions, command: Command) => demo(options, configOf(command))),
    'efs demo --rate 20000',
  );

async function demo(options: DemoOptions, config: Config): Promise<void> {
  const out = process.stdout;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  out.write(introduction(options));

  const health = createHealth();
  const metrics = createMetrics({ version, node: process.version });
  const window = windowOf(config, health);
  const http = await startHttp({ ...routesOf(config, { health, metrics, window }), port: config.httpPort });
  out.write(`Page and API: http://${config.httpHost}:${http.port}/\n\n`);
  const watching = { log: silentLog, meter: metrics, onReason: health.set };
  // The simulated campaign is of the past, and is to stay.
  const embedded = await embed({ EFS_PARTITIONS: '4', EFS_RETENTION: '3650d' }, watching);
  const outages = outagesOf(watching, systemClock);
  const { running } = embedded;
  lookThrough(window, { ends: embedded, topicPrefix: '', running }, outages, interrupted.signal);
  const latest = new Map<string, KpiChanged>();
  const following = follow(embedded, latest, interrupted.signal);
  const screen = setInterval(
    () => out.write(frame(latest, out.isTTY)),
    out.isTTY ? REDRAW_MS : 4 * REDRAW_MS,
  );
  const produced = await produce(embedded, options, interrupted.signal);
  clearInterval(screen);

  await embedded.caughtUp();
  if (options.once !== true) await aborted(interrupted.signal);
  await embedded.stop();
  interrupted.abort();
  await following;
  await http.close();
  out.write(`${frame(latest, out.isTTY)}\n${summary(embedded.log, produced, latest)}`);
}

function introduction({ deliveries, messages, rate, seed }: DemoOptions): string {
  return [
    `${deliveries} deliveries, ${messages} messages, ${rate} feedback records a second, seed ${seed}.`,
    'Policy EFS: a message is taken into account until the MTA reports it delivered; Success starts at 0 % and rises.',
    'Policy RELAY: a message is sent once relayed; Success starts at 100 % and falls.',
    'Ctrl-C ends the demo.\n\n',
  ].join('\n');
}

/** Keeps the last record of each delivery, as any dashboard would. */
async function follow(
  { reader }: Embedded,
  latest: Map<string, KpiChanged>,
  signal: AbortSignal,
): Promise<void> {
  const type = wireType<KpiChanged>(SCHEMAS.KpiChanged.type, 0);
  await reader.follow(DELIVERY_KPI_TOPIC, { from: 'beginning', signal }, ({ value }) => {
    if (value === null) return;
    const change = type.decode(value);
    latest.set(change.deliveryId, change);
  });
}

/** Appends the traffic at the rate asked for; gives the number of records. */
async function produce(
  { log, schemaIds }: Embedded,
  { rate, ...campaign }: DemoOptions,
  signal: AbortSignal,
): Promise<number> {
  const records = traffic(
    { ...ORDINARY_TRAFFIC, policyMix: { efs: 0.5, relay: 0.5 }, ...campaign },
    wireEncoder(schemaIds),
  );
  const began = systemClock.monotonic();
  let produced = 0;
  while (!signal.aborted) {
    const due = ((systemClock.monotonic() - began) / 1_000) * rate;
    for (; produced < due; produced++) {
      const next = records.next();
      if (next.done === true) return produced;
      append(log, next.value);
    }
    await systemClock.sleep(TICK_MS, signal);
  }
  return produced;
}

function append(log: MemoryLog, record: TrafficRecord): void {
  const topic = FEEDBACK_TOPICS[record.topic]?.topic ?? '';
  const partitions = log.partitions(topic) ?? 1;
  const home = record.key === null ? 0 : partitionOf(record.key, partitions);
  log.append(topic, record.misplaced ? (home + 1) % partitions : home, record);
}

function frame(latest: ReadonlyMap<string, KpiChanged>, terminal: boolean): string {
  const rows = [...latest.values()].sort((a, b) => b.kpis.relayed - a.kpis.relayed);
  if (rows.length === 0) return '';
  const table = kpiTable(rows);
  return terminal ? `\u001b[${5}H\u001b[J${table}` : `${table}\n`;
}

function summary(log: MemoryLog, produced: number, latest: ReadonlyMap<string, KpiChanged>): string {
  const changes = [...latest.values()];
  const total = (field: 'relayed' | 'sent' | 'failed'): number =>
    changes.reduce((sum, { kpis }) => sum + kpis[field], 0);
  const deadLetters = sumOver(log, 'efs.dead-letter');
  const published = sumOver(log, DELIVERY_KPI_TOPIC);
  return [
    `${produced} feedback records of ${total('relayed')} messages: ${total('sent')} sent, ${total('failed')} failed.`,
    `${deadLetters} records set aside, ${published} offsets of KPI changes published.`,
    'Next: `efs setup`, `efs run` and `efs simulate` do the same on real servers; see the README.\n',
  ].join('\n');
}

function sumOver(log: MemoryLog, topic: string): number {
  let sum = 0;
  for (let partition = 0; partition < (log.partitions(topic) ?? 0); partition++) {
    sum += log.watermarks(topic, partition).high;
  }
  return sum;
}
