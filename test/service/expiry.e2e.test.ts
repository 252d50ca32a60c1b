import Redis from 'ioredis';
import { RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import { kpiHistory, verdict } from '../fire/evidence';
import { heldBy } from '../fire/read-back';
import { drain, openStage, type Stage, until, untidy } from '../fire/stage';
import { type RedisServer, startRedis } from '../servers/redis';
import { describeWithServers } from '../servers/servers';

const MESSAGES = 2_000;

type Figures = Record<'takenIntoAccount' | 'waitingForRetry' | 'failedByExpiry', number>;

// The simulated campaigns are in the past: their messages without an outcome have expired by now.
describeWithServers(['kafka', 'registry', 'own-redis'], 'validity periods that have ended', (servers) => {
  let redis: RedisServer;
  let stage: Stage;

  beforeAll(async () => {
    redis = await startRedis();
    const { kafkaBrokers, registryUrl } = servers;
    stage = await openStage({ kafkaBrokers, registryUrl, redisUrl: redis.url }, { partitions: 3 });
  }, 60_000);

  afterAll(async () => {
    await stage?.close();
    await redis?.stop();
  });

  const inferred = async (): Promise<string[]> =>
    (await heldBy(stage, RETRY_OUTCOME_TOPIC))
      .filter(({ value }) => value?.includes('expiry/') === true)
      .map(({ key }) => String(key));

  /** The last figures of all deliveries, added up. */
  const figures = async (): Promise<Figures> => {
    const sum = { takenIntoAccount: 0, waitingForRetry: 0, failedByExpiry: 0 };
    for (const history of (await kpiHistory(stage)).values()) {
      const { kpis } = history.at(-1)!.change;
      for (const name of Object.keys(sum) as (keyof Figures)[]) sum[name] += kpis[name];
    }
    return sum;
  };

  it('fail the messages without an outcome, also where the owner of the timer is killed meanwhile', async () => {
    const first = stage.run('first');
    await stage.produce(untidy(stage.encode, { seed: 5, messages: MESSAGES, poison: 0 }));
    await until('the timer has begun', async () => (await inferred()).length > 0);
    first.signal('SIGKILL');
    await first.ended;
    stage.run('second');
    await until('no message waits any more', async () => {
      const { takenIntoAccount, waitingForRetry } = await figures();
      return takenIntoAccount + waitingForRetry === 0;
    });
    await drain(stage);
    expect((await verdict(stage)).problems).toEqual([]);
    expect((await figures()).failedByExpiry).toBeGreaterThanOrEqual(new Set(await inferred()).size);
  }, 120_000);

  it('give the same figures in a replay without a timer', async () => {
    const before = await inferred();
    const client = new Redis(redis.url);
    await client.call('FLUSHALL').finally(() => client.disconnect());
    stage.run('replay', { EFS_EXPIRY: 'off' });
    await drain(stage);
    expect((await verdict(stage)).problems).toEqual([]);
    expect(await inferred()).toEqual(before);
  }, 120_000);
});
