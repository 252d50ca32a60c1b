import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBrokers } from '../test/fire/brokers';
import {
  brokerTarget,
  type Failover,
  failOverEach,
  type FailoverRun,
  masterTarget,
} from '../test/fire/failover';
import { keepLogs, openEventLog } from '../test/fire/chaos';
import { type RedisTopology, type ShardedRedis, startShards } from '../test/fire/shards';
import { openStage, type Stage } from '../test/fire/stage';
import type { KafkaServer } from '../test/servers/kafka';
import { type RegistryServer, startRegistry } from '../test/servers/registry';
import { dice } from '../src/simulation/dice';
import { grouped, median, printTable } from './report';

export interface FailoverOptions {
  readonly runs: number;
  readonly seed: number;
  /** Records per second. */
  readonly rate: number;
  readonly redis: RedisTopology;
  /** Restarts the brokers one after the other, in order, instead of killing anything. */
  readonly rolling: boolean;
}

const SHOWN = 20;

interface Servers {
  readonly kafka: KafkaServer;
  readonly registry: RegistryServer;
  readonly redis: ShardedRedis;
}

/**
 * Kills every broker and every Redis master once under load and compares all published records with the recount; each run
 * on servers of its own. Returns whether every run held.
 */
export async function benchFailover(options: FailoverOptions): Promise<boolean> {
  let held = 0;
  const all: Failover[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    const seed = options.seed + run - 1;
    console.log(`\nrun ${run}, --seed ${seed}, Redis ${options.redis}`);
    const done = await withServers(options.redis, (servers) => oneRun(servers, { ...options, seed }));
    all.push(...(done?.failovers ?? []));
    if (done?.found.problems.length === 0) held += 1;
  }
  console.log();
  printTable(summaryOf(all));
  console.log(`\n${held} of ${options.runs} runs equal the recount`);
  return held === options.runs;
}

async function withServers<T>(topology: RedisTopology, use: (servers: Servers) => Promise<T>): Promise<T> {
  const kafka = await startBrokers();
  const registry = await startRegistry();
  const redis = await startShards(topology);
  try {
    return await use({ kafka, registry, redis });
  } finally {
    await Promise.all([kafka.stop(), registry.stop(), redis.stop()]);
  }
}

/** Runs once and prints the result; null where the run did not complete. */
async function oneRun(servers: Servers, options: FailoverOptions): Promise<FailoverRun | null> {
  const { seed, rate: perSecond } = options;
  const { kafka, registry, redis } = servers;
  const stage = await openStage(
    { kafkaBrokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url },
    { settings: { EFS_MESSAGE_STATUS: 'on', EFS_SESSION_TIMEOUT_MS: '30000' } },
  );
  try {
    const events = openEventLog(console.log);
    const run = await failOverEach(stage, targetsOf(servers, stage, options), { seed, perSecond, events });
    show(run, stage);
    return run;
  } catch (error) {
    console.log(`VIOLATED: ${String(error)}; logs in ${keepLogs(stage)}`);
    return null;
  } finally {
    await stage.close();
  }
}

function targetsOf({ kafka, redis }: Servers, stage: Stage, { seed, rolling }: FailoverOptions) {
  const signal = rolling ? 'SIGTERM' : 'SIGKILL';
  const brokers = kafka.nodes.map((_, index) => brokerTarget(kafka, index + 1, { stage, signal }));
  if (rolling) return brokers;
  const left = [...brokers, ...redis.shards.map((_, index) => masterTarget(redis, index + 1))];
  const source = dice(seed, 1_000);
  return Array.from({ length: left.length }, () => left.splice(source.below(left.length), 1)).flat();
}

const seconds = (ms: number): string => grouped(ms / 1000, 1);

/** The medians and the worst of all failovers, by kind of server. */
function summaryOf(failovers: readonly Failover[]): string[][] {
  const kinds = [...new Set(failovers.map(({ kind }) => kind))];
  const show = (times: number[]): string =>
    `${seconds(median(times))} (worst ${seconds(Math.max(...times))})`;
  const rows = kinds.map((kind) => {
    const those = failovers.filter((each) => each.kind === kind);
    const replaced = show(those.map(({ replacedMs }) => replacedMs));
    return [kind, String(those.length), replaced, show(those.map(({ resumedMs }) => resumedMs))];
  });
  return [['went down', 'times', 'replaced, s', 'KPIs after that, s'], ...rows];
}

/** Prints the result of a run. */
function show({ failovers, records, perSecond, found }: FailoverRun, stage: Stage): void {
  const { problems } = found;
  console.log();
  printTable([
    ['went down', 'replaced, s', 'KPIs after that, s'],
    ...failovers.map(({ what, replacedMs, resumedMs }) => [what, seconds(replacedMs), seconds(resumedMs)]),
  ]);
  console.log(
    `\n${grouped(records)} records produced at ${grouped(perSecond)}/s; ${grouped(found.records)} in the inputs, of ` +
      `${grouped(found.messages)} messages, ${grouped(found.deadLetters)} dead letters, ${grouped(found.kpiChanges)} KPI ` +
      `records, ${grouped(found.repeated)} records of them repeated byte for byte`,
  );
  list('differences', problems);
  if (problems.length === 0) console.log('held');
  else {
    const logs = keepLogs(stage);
    writeFileSync(join(logs, 'differences.txt'), problems.map((line) => `${line}\n`).join(''));
    console.log(`VIOLATED; logs and all differences in ${logs}`);
  }
}

function list(what: string, lines: readonly string[]): void {
  console.log(`${what}: ${lines.length}`);
  for (const line of lines.slice(0, SHOWN)) console.log(`  ${line}`);
  if (lines.length > SHOWN) console.log(`  and ${lines.length - SHOWN} more`);
}
