import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { KpiChanged } from '../../src/kpi/encode';
import type { TrafficRecord } from '../../src/simulation/record';
import { feedbackRecord } from '../../src/simulation/traffic';
import { kpiHistory, verdict } from '../fire/evidence';
import { efs, type Worker } from '../fire/processes';
import { drain, openStage, type Stage } from '../fire/stage';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { type RedisServer, startRedis } from '../servers/redis';
import { type RegistryServer, startRegistry } from '../servers/registry';
import { describeWithServers } from '../servers/servers';
import { feedback } from '../support/feedback';
import { readInstallation, registerSchemas, restore } from './installation';

const left = readInstallation('c2798a0');
const DELIVERY = 'DM3o-3';
/** Delivered, as the state says. */
const MESSAGE = 'cf0ab2ae-1ff7-48aa-a28a-9a8ad91d4bf3';

describeWithServers(
  ['own-kafka', 'own-registry', 'own-redis'],
  'an installation of an earlier version',
  () => {
    let servers: [KafkaServer, RegistryServer, RedisServer];
    let stage: Stage;

    beforeAll(async () => {
      servers = await Promise.all([startKafka(), startRegistry(), startRedis()]);
      const [kafka, registry, redis] = servers;
      await registerSchemas(left, registry.url);
      stage = await openStage(
        { kafkaBrokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url },
        { partitions: 2, prefix: '', settings: { EFS_GROUP_ID: 'efs', EFS_MESSAGE_STATUS: 'on' } },
      );
      await restore(left, stage);
    }, 120_000);

    afterAll(async () => {
      await stage?.close();
      await Promise.all((servers ?? []).map((server) => server.stop()));
    }, 60_000);

    it('is shown as it was before any worker has taken it over', async () => {
      const delivery = await efs(['delivery', DELIVERY, '--json'], stage.settings);
      expect([delivery.err, JSON.parse(delivery.out)]).toEqual(['', withoutComplaints(left.kpis[DELIVERY])]);
      const message = await efs(['message', DELIVERY, MESSAGE, '--json'], stage.settings);
      expect([message.err, JSON.parse(message.out)]).toEqual([
        '',
        expect.objectContaining({
          status: 'SENT',
          policy: 'RELAY',
          relay: { at: '2090-01-05T11:27:41.538Z', knownBy: 'a relay event', domainGroup: 'google' },
          validUntil: '2090-01-08T23:27:41.538Z',
          outcome: expect.objectContaining({ what: 'delivered', at: '2090-01-05T11:27:47.251Z' }),
          complainedAt: null,
          positions: {
            'mta.relayed': 70,
            'mta.delivered': 58,
            'mta.hard-bounced': 4,
            'mta.soft-bounced': 14,
            'mta.retry-outcome': 4,
            'mta.complained': 0,
          },
        }),
      ]);
    });

    it('is continued where it was killed, without a rebuild; no KPI, status or dead letter is wrong', async () => {
      const worker = stage.run('first');
      await drain(stage);
      await expectContinued(stage, worker);
      const last = await lastKpis(stage);
      for (const [id, { revision }] of Object.entries(left.kpis))
        expect(last[id]?.revision).toBeGreaterThan(revision);
    }, 120_000);

    it('counts new feedback on its messages: a repeat changes nothing, a late bounce and a complaint one message', async () => {
      const before = (await lastKpis(stage))[DELIVERY]?.kpis;
      if (before === undefined) throw new Error('nothing is published');
      const bounce = feedback.hardBounced({
        deliveryId: DELIVERY,
        messageId: MESSAGE,
        recipientDomain: 'gmail.com',
        source: 'ASYNC',
        occurredAt: Date.UTC(2090, 0, 5, 13),
      });
      const complaint = feedback.complained({
        deliveryId: DELIVERY,
        messageId: MESSAGE,
        recipientDomain: 'gmail.com',
        occurredAt: Date.UTC(2090, 0, 5, 12),
      });
      await stage.produce([
        repeated('mta.delivered'),
        feedbackRecord(bounce, stage.encode),
        feedbackRecord(complaint, stage.encode),
      ]);
      const worker = stage.run('second');
      await drain(stage);
      await expectContinued(stage, worker);
      expect(before).toMatchObject({
        relayed: 24,
        sent: 23,
        failed: 1,
        delivered: 22,
        failedByAsyncBounce: 0,
      });
      expect((await lastKpis(stage))[DELIVERY]?.kpis).toEqual({
        ...before,
        sent: 22,
        failed: 2,
        delivered: 21,
        success: 22 / 24,
        failedByAsyncBounce: 1,
        complained: 1,
        failedByReason: { USER_UNKNOWN: 2 },
        byDomain: { ...before.byDomain, google: { relayed: 6, sent: 5, failed: 1, softBounced: 1 } },
        throughput: {
          ...before.throughput,
          '2090-01-05T11Z': { successes: 12, errors: 0 },
          '2090-01-05T13Z': { successes: 4, errors: 1 },
        },
      });
    }, 120_000);
  },
);

/** KPIs of a version without complaints, as they are shown now. */
function withoutComplaints(kpi: KpiChanged | undefined) {
  if (kpi === undefined) throw new Error('nothing is published');
  const previous = kpi.previous && { ...kpi.previous, complained: 0 };
  return { ...kpi, kpis: { ...kpi.kpis, complained: 0 }, previous };
}

/** The record of `MESSAGE` in an input, once more. */
function repeated(input: (typeof FEEDBACK_TOPICS)[number]['topic']): TrafficRecord {
  const rows = left.topics[input]?.flatMap(({ records }) => records) ?? [];
  const [, , key, value] = rows.find((row) => row[2] === MESSAGE) ?? [];
  if (key == null || value == null) throw new Error(`${input} has no record of ${MESSAGE}`);
  return {
    topic: FEEDBACK_TOPICS.findIndex(({ topic }) => topic === input),
    key: Buffer.from(key, 'latin1'),
    value: Buffer.from(value, 'latin1'),
    headers: [],
    misplaced: false,
    feedback: null,
    poison: null,
  };
}

/** Everything that both versions have published and stored is right, and in one generation. */
async function expectContinued(stage: Stage, worker: Worker): Promise<void> {
  expect((await verdict(stage)).problems).toEqual([]);
  expect(worker.lines().filter(({ level }) => level !== 'info')).toEqual([]);
  expect(worker.hasLogged('generation found')).toBe(true);
  expect(await stage.store.list()).toMatchObject([{ stateId: 1, generation: 1 }]);
}

async function lastKpis(stage: Stage): Promise<Record<string, KpiChanged | undefined>> {
  const histories = [...(await kpiHistory(stage))];
  return Object.fromEntries(histories.map(([id, history]) => [id, history.at(-1)?.change]));
}
