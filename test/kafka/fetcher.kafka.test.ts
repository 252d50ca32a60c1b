import { EfsError } from '../../src/base/errors';
import { type FetchTarget, startFetcher } from '../../src/kafka/fetcher.kafka';
import type { KafkaCluster } from '../../src/kafka/cluster.kafka';
import { turn, virtualClock } from '../support/clock';

const LIMITS = { maxWaitMs: 250, maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxBatchBytes: 1 << 20 };

const target: FetchTarget = {
  topic: 'mta.relayed',
  partition: 0,
  position: 0,
  hasCapacity: () => true,
  deliver: () => undefined,
  outOfRange: () => undefined,
};

describe('a fetcher whose Kafka does not answer', () => {
  const open = () => {
    const clock = virtualClock();
    const told: string[] = [];
    let refuse = (): void => undefined;
    const wire: Pick<KafkaCluster, 'leaders' | 'forgetLeaders' | 'fetch'> = {
      leaders: async () => [1],
      forgetLeaders: async () => undefined,
      fetch: () =>
        new Promise((_, reject) => (refuse = () => reject(new EfsError('kafka-unavailable', 'away')))),
    };
    const fetcher = startFetcher({
      wire: wire as KafkaCluster,
      clock,
      limits: LIMITS,
      backoffMs: { least: 200, most: 5_000 },
      onOutage: () => told.push('outage'),
      onAnswer: () => told.push('over'),
    });
    const fail = async (): Promise<void> => {
      refuse();
      await turn();
      clock.advance(5_000);
      await turn();
    };
    return { fetcher, told, fail };
  };

  test('says so at every failure while there is something to fetch', async () => {
    const { fetcher, told, fail } = open();
    fetcher.add([target]);
    await turn();
    await fail();
    await fail();
    expect(told).toEqual(['outage', 'outage']);
  });

  test('waits for nobody once there is nothing to fetch: a worker without partitions is ready', async () => {
    const { fetcher, told, fail } = open();
    fetcher.add([target]);
    await turn();
    await fail();
    fetcher.remove([target]);
    expect(told).toEqual(['outage', 'over']);
    await fail();
    expect(told.at(-1)).toBe('over');
  });
});

describe('a fetcher beside several brokers', () => {
  test('reads on where there are leaders, and waits for the rest until the last lane is served', async () => {
    const clock = virtualClock();
    const told: string[] = [];
    const fetched: number[] = [];
    let leaders: (number | null)[] = [1, null];
    const answers: (() => void)[] = [];
    const wire: Pick<KafkaCluster, 'leaders' | 'forgetLeaders' | 'fetch'> = {
      leaders: async (targets) => targets.map(({ partition }) => leaders[partition] ?? null),
      forgetLeaders: async () => undefined,
      fetch: (node) => {
        fetched.push(node);
        const nothing = { errorCode: 0, clientSideThrottleTime: 0, partitions: [] };
        return new Promise((resolve) => answers.push(() => resolve(nothing)));
      },
    };
    const fetcher = startFetcher({
      wire: wire as KafkaCluster,
      clock,
      limits: LIMITS,
      backoffMs: { least: 100, most: 500 },
      onOutage: (error) => told.push((error as Error).message),
      onAnswer: () => told.push('over'),
    });
    const go = async (ms = 0): Promise<void> => {
      answers.splice(0).forEach((answer) => answer());
      await turn();
      clock.advance(ms);
      await turn();
    };
    fetcher.add([target, { ...target, partition: 1 }]);
    await go();
    await go(100);
    expect(told).toEqual(['mta.relayed/1 is without a leader', 'mta.relayed/1 is without a leader']);
    leaders = [1, 2];
    await go(200);
    await go();
    expect(told.at(-1)).toBe('over');
    expect([...new Set(fetched)]).toEqual([1, 2]);
    fetcher.close();
  });
});
