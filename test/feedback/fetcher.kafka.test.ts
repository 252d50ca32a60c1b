import { EfsError } from '../../src/base/errors';
import { type Lane, startFetcher } from '../../src/feedback/fetcher.kafka';
import type { Wire } from '../../src/feedback/wire.kafka';
import { turn, virtualClock } from '../support/clock';

const LIMITS = { maxWaitMs: 250, maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxBatchBytes: 1 << 20 };

const lane: Lane = {
  topic: 'mta.relayed',
  partition: 0,
  position: 0,
  wanted: () => true,
  deliver: () => undefined,
  outOfRange: () => undefined,
};

describe('a fetcher whose Kafka does not answer', () => {
  const open = () => {
    const clock = virtualClock();
    const told: string[] = [];
    let refuse = (): void => undefined;
    const wire: Pick<Wire, 'leaders' | 'forgetLeaders' | 'fetch'> = {
      leaders: async () => [1],
      forgetLeaders: async () => undefined,
      fetch: () =>
        new Promise((_, reject) => (refuse = () => reject(new EfsError('kafka-unavailable', 'away')))),
    };
    const fetcher = startFetcher({
      wire: wire as Wire,
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
    fetcher.add([lane]);
    await turn();
    await fail();
    await fail();
    expect(told).toEqual(['outage', 'outage']);
  });

  test('waits for nobody once there is nothing to fetch: a worker without partitions is ready', async () => {
    const { fetcher, told, fail } = open();
    fetcher.add([lane]);
    await turn();
    await fail();
    fetcher.remove([lane]);
    expect(told).toEqual(['outage', 'over']);
    await fail();
    expect(told.at(-1)).toBe('over');
  });
});
