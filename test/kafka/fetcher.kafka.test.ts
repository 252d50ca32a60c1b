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
  failed: () => undefined,
};

describe('a fetcher whose Kafka does not answer', () => {
  const open = () => {
    const clock = virtualClock();
    const calls: string[] = [];
    let refuse = (): void => undefined;
    const cluster: Pick<KafkaCluster, 'byLeader' | 'refreshMetadata' | 'fetch'> = {
      byLeader: async (targets) => new Map([[1, [...targets]]]),
      refreshMetadata: async () => undefined,
      fetch: () =>
        new Promise((_, reject) => (refuse = () => reject(new EfsError('kafka-unavailable', 'away')))),
    };
    const fetcher = startFetcher({
      cluster: cluster as KafkaCluster,
      clock,
      limits: LIMITS,
      onOutage: () => calls.push('outage'),
      onAnswer: () => calls.push('over'),
    });
    const fail = async (): Promise<void> => {
      refuse();
      await turn();
      clock.advance(5_000);
      await turn();
    };
    return { fetcher, calls, fail };
  };

  test('it reports an outage at every failure while it has targets', async () => {
    const { fetcher, calls, fail } = open();
    fetcher.add([target]);
    await turn();
    await fail();
    await fail();
    expect(calls).toEqual(['outage', 'outage']);
  });

  test('it ends the outage once it has no targets, so that a worker without partitions is ready', async () => {
    const { fetcher, calls, fail } = open();
    fetcher.add([target]);
    await turn();
    await fail();
    fetcher.remove([target]);
    expect(calls).toEqual(['outage', 'over']);
    await fail();
    expect(calls.at(-1)).toBe('over');
  });
});

describe('a fetcher on several brokers', () => {
  test('it fetches partitions with leaders, and ends the outage once the last target is served', async () => {
    const clock = virtualClock();
    const calls: string[] = [];
    const fetched: number[] = [];
    let leaders: (number | null)[] = [1, null];
    const answers: (() => void)[] = [];
    const cluster: Pick<KafkaCluster, 'byLeader' | 'refreshMetadata' | 'fetch'> = {
      byLeader: async (targets) =>
        new Map(
          targets.map((target, index) => [
            leaders[target.partition] ?? null,
            targets.slice(index, index + 1),
          ]),
        ),
      refreshMetadata: async () => undefined,
      fetch: (node) => {
        fetched.push(node);
        const nothing = { errorCode: 0, clientSideThrottleTime: 0, partitions: [] };
        return new Promise((resolve) => answers.push(() => resolve(nothing)));
      },
    };
    const fetcher = startFetcher({
      cluster: cluster as KafkaCluster,
      clock,
      limits: LIMITS,
      onOutage: (error) => calls.push((error as Error).message),
      onAnswer: () => calls.push('over'),
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
    expect(calls).toEqual(['mta.relayed/1 is without a leader', 'mta.relayed/1 is without a leader']);
    leaders = [1, 2];
    await go(200);
    await go();
    expect(calls.at(-1)).toBe('over');
    expect([...new Set(fetched)]).toEqual([1, 2]);
    fetcher.close();
  });
});
