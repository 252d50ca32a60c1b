import { must } from '../../src/base/assert';
import { DeliveryId } from '../../src/base/ids';
import { type Clock, systemClock, systemRandom } from '../../src/base/clock';
import { configFrom } from '../../src/settings/config';
import { NO_LOG } from '../../src/base/log';
import { compose, outagesOf } from '../../src/app/compose';
import { connectServers } from '../../src/app/servers';
import { DEAD_LETTER_TOPIC, RETIRED_TOPIC } from '../../src/feedback/topics';
import { createMetrics } from '../../src/http/metrics';
import { retryUntil } from '../../src/tasks/retry';
import { startService } from '../../src/service/run';
import { schemaIds, WRITTEN_RECORDS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_HASH, EVICTING_HASH, messagesHashes, SUMS_HASH } from '../../src/store/hashes';
import { kpiHistory } from '../fire/evidence';
import { heldBy } from '../fire/read-back';
import { isDrained, openStage, type Stage, until, untidy } from '../fire/stage';
import { describeWithServers } from '../servers/servers';
import { HOUR } from '../support/feedback';

const RECORDS = { messages: 300, poison: 0, disorder: 0, duplicates: 0 };
const OLD = { ...RECORDS, seed: 6, deliveries: 2 };

/** The service on real servers, in this process, with a clock that can be advanced. */
async function runAhead(stage: Stage) {
  const config = configFrom({ ...stage.settings, EFS_EXPIRY: 'off' });
  let ahead = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const stop = new AbortController();
  const meter = createMetrics({ version: 'test', node: process.version });
  const watching = { log: NO_LOG, meter, onReason: () => undefined, onFatal: () => undefined };
  const outages = outagesOf(watching, systemClock);
  const retry = retryUntil(stop.signal, { clock: systemClock, random: systemRandom, outages });
  const watchers = { ...watching, outages };
  const { servers, close } = await connectServers(config, { watchers, retry, inGroups: true });
  const ids = await schemaIds(servers.registry, stage.prefix, WRITTEN_RECORDS);
  const service = await startService(
    compose(config, servers, {
      watchers,
      pipelines: ['status', 'kpi'],
      partitions: stage.partitions,
      ids,
      signal: stop.signal,
      clock,
    }),
  );
  return {
    advance: (ms: number) => void (ahead += ms),
    stop: async () => {
      await service.stop(5_000);
      stop.abort();
      await close();
    },
  };
}

describeWithServers(['kafka', 'registry', 'redis'], 'old deliveries on real servers', (servers) => {
  let stage: Stage;
  let running: Awaited<ReturnType<typeof runAhead>>;

  beforeAll(async () => {
    stage = await openStage(servers, { partitions: 2 });
    running = await runAhead(stage);
  }, 60_000);

  afterAll(async () => {
    await running?.stop();
    await stage?.close();
  });

  const partitions = [0, 1];
  /** The ids in a hash of all tasks of a pipeline. */
  const idsIn = async (pipeline: 'status' | 'kpi', hash: string): Promise<string[]> => {
    const pages = partitions.map((partition) =>
      stage.store.scan({ stateId: 1, pipeline, partition }, hash, '0'),
    );
    const entries = (await Promise.all(pages)).flatMap((page) => page.entries);
    return [...new Set(entries.map(([field]) => field.toString()))].sort();
  };
  let seed = 100;
  /** Feedback on young deliveries, so that every task has something to commit. */
  const young = (): ReturnType<typeof untidy> => {
    seed += 1;
    return untidy(stage.encode, {
      ...RECORDS,
      messages: 40,
      deliveries: 8,
      seed,
      startAt: systemClock.now(),
    });
  };

  /** The messages that the status tasks hold of some deliveries. */
  const messagesOf = async (ids: readonly string[]): Promise<number> => {
    const manifest = must(await stage.store.active(), 'a generation');
    const hashes = ids.flatMap((id) => messagesHashes(DeliveryId(id), manifest.buckets));
    const none = { hash: CONTRIBUTIONS_HASH, fields: [Buffer.from('none')] };
    const counts = await Promise.all(
      partitions.map((partition) =>
        stage.store.count({ stateId: 1, pipeline: 'status', partition }, none, hashes),
      ),
    );
    return counts.flatMap(({ fields }) => fields).reduce((sum, each) => sum + each, 0);
  };

  it('are retired, their messages evicted from Redis, and late feedback on them is dead-lettered', async () => {
    const produced = await stage.produce(untidy(stage.encode, OLD));
    await until('everything is folded', () => isDrained(stage));
    const old = await idsIn('kpi', SUMS_HASH);
    expect(old).toHaveLength(2);
    expect(await messagesOf(old)).toBe(RECORDS.messages);
    const history = async () =>
      [...(await kpiHistory(stage))].filter(([id]) => old.includes(id)).map(([id, all]) => [id, all.length]);
    const before = await history();
    for (let hours = 0; hours < 16 && (await messagesOf(old)) > 0; hours += 1) {
      running.advance(HOUR);
      await stage.produce(young());
      await until('everything is folded', () => isDrained(stage));
      await systemClock.sleep(300);
    }
    expect([await messagesOf(old), await idsIn('status', EVICTING_HASH)]).toEqual([0, []]);
    for (const [pipeline, hash] of [
      ['kpi', SUMS_HASH],
      ['status', CONTRIBUTIONS_HASH],
    ] as const)
      expect(await idsIn(pipeline, hash)).toEqual(expect.arrayContaining(old));
    const retired = (await heldBy(stage, RETIRED_TOPIC)).map(
      ({ key, partition }) => `${String(key)} ${partition}`,
    );
    expect(retired.sort()).toEqual(old.flatMap((id) => partitions.map((each) => `${id} ${each}`)).sort());

    await stage.produce(untidy(stage.encode, OLD));
    await until('everything is folded', () => isDrained(stage));
    const letters = await heldBy(stage, DEAD_LETTER_TOPIC);
    expect(letters).toHaveLength(produced);
    expect(await messagesOf(old)).toBe(0);
    expect(await history()).toEqual(before);
  }, 120_000);
});
