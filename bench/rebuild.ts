import { assert } from '../src/base/assert';
import type { KpiChanged } from '../src/kpi/encode';
import { consumingSince, killedEfs, runEfs, startEfs } from './efs';
import { type LatencyOptions, measure } from './latency';
import { sleep } from './processes';
import { against, grouped, printTable, quantile } from './report';
import { drain } from './throughput';
import { countRecords, fill, inputTopics, startWorld, type World } from './world';

export interface RebuildOptions extends LatencyOptions {
  /** Feedback records in the topics, roughly. */
  readonly records: number;
  /** Of the rebuild beside live traffic. */
  readonly maxRate: number;
}

const PREFIX = 'rebuild.';
/** Duplicates included. */
const RECORDS_PER_MESSAGE = 2.2;
const KILLED_AFTER_MS = 8_000;
/** The rebuild begins after a measurement of the live traffic alone. */
const LEAD_MS = 7_000;

/** The fields of `efs rebuild --json` that are used here. */
interface Report {
  readonly equal: boolean;
  readonly promotedAs: number | null;
  readonly folded: { readonly records: number; readonly seconds: number };
  readonly partitions: readonly { readonly messages: number }[];
}

/**
 * The speed of a rebuild of full topics, against the live path on the same topics; then the latency of live traffic beside
 * a rebuild that is killed twice, compared and promoted.
 */
export async function benchRebuild(options: RebuildOptions): Promise<void> {
  const world = await startWorld();
  try {
    const settings = world.settings(PREFIX);
    const simulated = Math.ceil(options.records / RECORDS_PER_MESSAGE);
    console.log(`filling the topics with the feedback on ${grouped(simulated)} messages ...`);
    const messages = await fill(world, PREFIX, simulated, 1);
    const produced = await countRecords(world, inputTopics(PREFIX));
    const live = await drain(world, PREFIX, { produced, messages, profile: false });
    const { folded, equal } = JSON.parse(await runEfs(['rebuild', '--json'], settings)) as Report;
    assert(equal, 'the rebuild is equal');
    const rate = folded.records / folded.seconds;
    console.log(`live ${grouped(live.rate)} records/s, rebuild ${grouped(rate)} records/s`);
    if (options.seconds === 0) return;
    await runEfs(['generations', 'drop', '2'], settings);
    await beside(world, options, { liveRate: live.rate, rate, records: produced });
  } finally {
    await world.stop();
  }
}

async function beside(
  world: World,
  options: RebuildOptions,
  drained: { readonly liveRate: number; readonly rate: number; readonly records: number },
): Promise<void> {
  const settings = world.settings(PREFIX);
  const efs = await startEfs(settings);
  try {
    await consumingSince(efs);
    const truth = regressionCheck();
    const { onChange } = truth;
    const alone = await measure(
      world,
      { ...options, seconds: 30 },
      { prefix: PREFIX, name: 'alone', onChange },
    );
    const rebuilding = rebuildKilledTwice(settings, options.maxRate);
    const during = await measure(world, options, { prefix: PREFIX, name: 'during', onChange });
    show(options, drained, { alone, during, report: await rebuilding, regressions: truth.regressions });
  } finally {
    await efs.stop();
  }
}

async function rebuildKilledTwice(settings: Record<string, string>, maxRate: number): Promise<Report> {
  const args = ['rebuild', '--json', '--max-rate', String(maxRate)];
  await sleep(LEAD_MS);
  for (let kill = 1; kill <= 2; kill += 1) await killedEfs(args, settings, KILLED_AFTER_MS);
  const report = JSON.parse(await runEfs([...args, '--promote'], settings)) as Report;
  console.log(`promoted as ${String(report.promotedAs)}`);
  return report;
}

/** Collects what no subscriber may see: relays that become fewer, a generation or a revision that falls. */
function regressionCheck() {
  const last = new Map<string, KpiChanged>();
  const regressions: string[] = [];
  return {
    regressions,
    onChange: (change: KpiChanged): void => {
      const { deliveryId, generation, revision, kpis } = change;
      const before = last.get(deliveryId);
      last.set(deliveryId, change);
      if (before === undefined) return;
      const falls =
        kpis.relayed < before.kpis.relayed ||
        kpis.delivered < before.kpis.delivered ||
        generation < before.generation ||
        (generation === before.generation && revision < before.revision);
      if (falls) regressions.push(`${deliveryId} ${generation}/${revision}`);
    },
  };
}

function show(
  { rate, maxRate }: RebuildOptions,
  drained: { readonly liveRate: number; readonly rate: number; readonly records: number },
  seen: {
    readonly alone: readonly number[];
    readonly during: readonly number[];
    readonly report: Report;
    readonly regressions: readonly string[];
  },
): void {
  const { alone, during, report, regressions } = seen;
  const before = quantile(alone, 0.99);
  const compared = report.partitions.reduce((sum, { messages }) => sum + messages, 0);
  console.log(
    `\n${grouped(drained.records)} records; live traffic of ${grouped(rate)}/s; rebuild at ${grouped(maxRate)}/s at most, ` +
      `killed twice, ${grouped(compared)} messages compared, Node ${process.version}\n`,
  );
  printTable([
    ['', 'measured', 'floor', ''],
    against('live path, records/s', drained.liveRate, {}, 0),
    against('rebuild, records/s', drained.rate, {}, 0),
    against('  in % of the live path', (100 * drained.rate) / drained.liveRate, { least: 150 }, 0),
    against('live latency p50 before it, ms', quantile(alone, 0.5), {}, 0),
    against('  during it', quantile(during, 0.5), {}, 0),
    against('live latency p99 before it, ms', before, {}, 0),
    against('  during it', quantile(during, 0.99), {}, 0),
    against('  during / before', quantile(during, 0.99) / before, { most: 2 }, 2),
    against('worst during it, ms', during.at(-1) ?? NaN, {}, 0),
    against('differences found', report.equal ? 0 : 1, { most: 0 }, 0),
    against('false KPI changes seen', regressions.length, { most: 0 }, 0),
  ]);
}
