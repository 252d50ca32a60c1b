import { type KafkaServer, startKafka } from '../servers/kafka';
import { type RedisServer, startRedis } from '../servers/redis';
import { type RegistryServer, startRegistry } from '../servers/registry';
import { describeWithServers } from '../servers/servers';
import { chances, freezing, keepLogs, killing, openStory, type Toll } from './chaos';
import { verdict } from './evidence';
import { drain, openStage, type Stage, untidy } from './stage';

// EFS_FIRE_SEED repeats a run, as far as processes can be repeated; EFS_FIRE_MESSAGES makes it smaller or larger.
const SEED = Number(process.env['EFS_FIRE_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const MESSAGES = Number(process.env['EFS_FIRE_MESSAGES'] ?? 94_000);
const KILLS = 15;
const POUR_MS = 60_000;

describeWithServers(['own-kafka', 'own-registry', 'own-redis'], 'under fire the service', () => {
  let servers: [KafkaServer, RegistryServer, RedisServer];
  let stage: Stage;

  beforeAll(async () => {
    servers = await Promise.all([startKafka(), startRegistry(), startRedis()]);
    const [kafka, registry, redis] = servers;
    stage = await openStage({ kafkaBrokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url });
  }, 120_000);

  afterAll(async () => {
    await stage?.close();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  }, 60_000);

  it('tells the truth about every message, delivery and dead letter, whoever dies, freezes, comes or goes', async () => {
    const story = openStory();
    const toll: Toll = { kills: 0, moments: new Set() };
    let isPoured = false;
    const fences: number[] = [];
    const pouring = async (): Promise<void> => {
      const records = untidy(stage.encode, { seed: SEED, messages: MESSAGES, deliveries: 40 });
      const poured = await stage.pour(records, (MESSAGES * 2.25 * 1_000) / POUR_MS);
      isPoured = true;
      story.tell(`${poured} records are poured`);
    };
    const freezes = async (): Promise<void> => {
      const source = chances(SEED, 2);
      fences.push(await freezing(stage, { point: 'commit:status', side: 'before' }, source, story));
      fences.push(await freezing(stage, { point: 'emit:kpi', side: 'before' }, source, story));
    };
    const enough = (): boolean => isPoured && fences.length === 2;
    try {
      await Promise.all([
        pouring(),
        killing(stage, chances(SEED, 1), { kills: KILLS, story, toll, enough }),
        freezes(),
      ]);
      story.tell('draining');
      await drain(stage, 120_000);
      story.tell('drained');
      const found = await verdict(stage);
      story.tell(JSON.stringify({ ...found, problems: found.problems.length }));
      expect(found.problems).toEqual([]);
      expect(found.records).toBeGreaterThan(2 * MESSAGES);
      expect(found.deadLetters).toBeGreaterThan(found.records / 1_000);
      expect(toll.kills).toBeGreaterThanOrEqual(KILLS);
      expect(toll.moments.size).toBeGreaterThanOrEqual(4);
      expect([...toll.moments].filter((moment) => moment.includes('after commit'))).not.toEqual([]);
      expect(fences.every((count) => count > 0)).toBe(true);
    } catch (error) {
      const logs = keepLogs(stage);
      process.stderr.write(`\nEFS_FIRE_SEED=${SEED}; logs in ${logs}\n${story.text()}\n`);
      throw error;
    }
    if (process.env['EFS_FIRE_STORY']) process.stderr.write(`\nEFS_FIRE_SEED=${SEED}\n${story.text()}\n`);
  }, 300_000);
});
