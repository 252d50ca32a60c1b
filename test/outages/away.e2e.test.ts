import { SCHEMAS, subjectOf } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { TrafficRecord } from '../../src/simulation/record';
import { verdict } from '../fire/evidence';
import { answers, isReady, type Worker } from '../fire/processes';
import { drain, openStage, type Stage, until, untidy } from '../fire/stage';
import { pollMs } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { type RedisServer, startRedis } from '../servers/redis';
import { type RegistryServer, startRegistry } from '../servers/registry';
import { describeWithServers } from '../servers/servers';
import { type Front, openFront } from './front';

// The documented outage is half a minute: EFS_OUTAGE_MS=30000 runs it; the suite uses a shorter one.
const OUTAGE_MS = Number(process.env['EFS_OUTAGE_MS'] ?? 3_000);
const PER_SECOND = 150;

type Dependency = 'kafka' | 'redis' | 'registry';

const beginOf = (dependency: Dependency): string => `${dependency} does not answer: waiting until it does`;
const endOf = (dependency: Dependency): string => `${dependency} answers again: resuming`;

describeWithServers(
  ['own-kafka', 'own-registry', 'own-redis'],
  'while a server does not answer',
  (): void => {
    let kafka: KafkaServer;
    let registry: RegistryServer;
    let redis: RedisServer;
    let front: Front;
    let stage: Stage;
    let worker: Worker;
    let producing: Promise<number>;
    /** Lines logged before the first outage: a fresh Kafka may let its groups wait for a moment. */
    let begun = 0;
    const enough = new AbortController();

    /** Endless traffic until it is stopped. */
    function* flow(): Generator<TrafficRecord> {
      for (let seed = 1; ; seed += 1) {
        for (const record of untidy(stage.encode, { seed, messages: 2_000, deliveries: 5, disorder: 0.02 })) {
          if (enough.signal.aborted) return;
          yield record;
        }
      }
    }

    beforeAll(async () => {
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
      [kafka, registry, redis] = await Promise.all([
        // A broker that hangs for a while is still the leader afterwards.
        startKafka({ properties: { 'broker.session.timeout.ms': 9_000 } }),
        startRegistry(),
        startRedis({ args: durable }),
      ]);
      front = await openFront(registry.url);
      stage = await openStage(
        { kafkaBrokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url },
        {
          partitions: 3,
          settings: {
            EFS_SCHEMA_REGISTRY_URL: front.url,
            EFS_KAFKA_REQUEST_TIMEOUT_MS: '2000',
            EFS_REDIS_TIMEOUT_MS: '1500',
            EFS_REGISTRY_TIMEOUT_MS: '1500',
          },
        },
      );
      worker = stage.run('worker');
      producing = stage.produce(flow(), PER_SECOND);
      await until('the worker is ready', () => isReady(worker));
      begun = worker.lines().length;
    }, 120_000);

    afterAll(async () => {
      enough.abort();
      await stage?.close();
      await front?.refuse().catch(() => undefined);
      await Promise.all([kafka?.stop(), registry?.stop(), redis?.stop()]);
    }, 60_000);

    const count = (message: string): number =>
      worker
        .lines()
        .slice(begun)
        .filter(({ msg }) => msg === message).length;
    const folded = (): Promise<number> => worker.counter('efs_records_total');

    const [first] = FEEDBACK_TOPICS;

    /** Registers a schema that no worker has used yet. */
    async function register(attempt: number): Promise<number> {
      const schema = JSON.parse(SCHEMAS[first.kind].text) as { doc?: string; fields: object[] };
      schema.fields.push({ name: `note${attempt}`, type: 'string', default: '' });
      const answer = await fetch(
        `${registry.url}/subjects/${subjectOf(stage.prefix, first.topic)}/versions`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
          body: JSON.stringify({ schema: JSON.stringify(schema) }),
        },
      );
      return ((await answer.json()) as { id: number }).id;
    }

    async function sendUnder(id: number, attempt: number): Promise<void> {
      const records = untidy(stage.encode, { seed: 900 + attempt, messages: 20, deliveries: 1, poison: 0 });
      const renamed = [...records].flatMap((record) => {
        if (record.topic !== 0 || record.value === null) return [];
        const value = Buffer.concat([record.value, Buffer.from([0])]);
        value.writeInt32BE(id, 1);
        return [{ ...record, value }];
      });
      await stage.produce(renamed);
    }

    const outages: [Dependency, 'stopped' | 'hanging', () => Promise<void>, () => Promise<void>][] = [
      ['redis', 'stopped', () => redis.kill(), () => redis.restart()],
      ['redis', 'hanging', async () => redis.pause(), async () => redis.resume()],
      [
        'registry',
        'stopped',
        async () => {
          const id = await register(1);
          await front.refuse();
          await sendUnder(id, 1);
        },
        () => front.accept(),
      ],
      [
        'registry',
        'hanging',
        async () => {
          const id = await register(2);
          registry.pause();
          await sendUnder(id, 2);
        },
        async () => registry.resume(),
      ],
      ['kafka', 'hanging', async () => kafka.pause(), async () => kafka.resume()],
      ['kafka', 'stopped', () => kafka.kill(), () => kafka.restart()],
    ];

    it.each(outages)(
      '(%s %s) the service logs the outage once, waits, and resumes by itself',
      async (dependency, _, begin, end) => {
        const before = worker.lines().length;
        await begin();
        const began = Date.now();
        await until('the outage is logged', () =>
          worker
            .lines()
            .slice(before)
            .some(({ msg }) => msg === beginOf(dependency)),
        );
        const { status, text } = await worker.get('/readyz');
        const broker = dependency === 'kafka' ? `: broker 1 (${kafka.brokers[0]})` : '';
        expect([status, JSON.parse(text)]).toEqual([
          503,
          { ready: false, reasons: { [dependency]: `${dependency} does not answer${broker}` }, warnings: {} },
        ]);
        await pollMs(Math.max(0, OUTAGE_MS - (Date.now() - began)));
        await end();
        await until('the end is logged', () =>
          worker
            .lines()
            .slice(before)
            .some(({ msg }) => msg === endOf(dependency)),
        );
        await until('the service is ready', () => answers(worker, '/readyz'));
        const soFar = await folded();
        await until('more is folded', async () => (await folded()) > soFar + PER_SECOND);
        const logged = worker.lines().slice(before);
        const notable = logged.filter(({ level, msg }) => level !== 'info' || msg === endOf(dependency));
        expect(notable.map(({ msg }) => msg)).toEqual([beginOf(dependency), endOf(dependency)]);
      },
      OUTAGE_MS + 90_000,
    );

    it('after all outages nothing is lost, doubled or wrongly dead-lettered, without a restart', async () => {
      enough.abort();
      await producing;
      await drain(stage);
      const found = await verdict(stage);
      expect(found.problems).toEqual([]);
      expect(found.messages).toBeGreaterThan(1_000);
      for (const dependency of ['kafka', 'redis', 'registry'] as const) {
        expect([dependency, count(beginOf(dependency)), count(endOf(dependency))]).toEqual([
          dependency,
          2,
          2,
        ]);
      }
    }, 120_000);
  },
);
