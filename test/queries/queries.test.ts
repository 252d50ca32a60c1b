import { configFrom } from '../../src/settings/config';
import { systemClock } from '../../src/base/clock';
import { EfsError } from '../../src/base/errors';
import { openInMemory } from '../../src/app/in-memory';
import { follow } from '../../src/app/frame';
import type { TopicReader } from '../../src/log/source';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { createHealth } from '../../src/queries/health';
import { openQueries } from '../../src/queries/queries';
import { createMetrics } from '../../src/http/metrics';
import type { Outages } from '../../src/tasks/outages';
import { retryUntil } from '../../src/tasks/retry';

const unavailable = (): EfsError => new EfsError('kafka-unavailable', 'This server is not the leader');
const noOutages: Outages = { failed: () => undefined, answered: () => undefined };

describe('the read model', () => {
  const abort = new AbortController();
  afterAll(() => abort.abort());

  /** Opens a read model on an empty log in memory, whose `follow` is replaced. */
  const open = async (
    replaced: (real: TopicReader['follow']) => TopicReader['follow'],
    outages: Outages,
    onReason: (key: string, reason: string | null) => void,
  ): Promise<void> => {
    const config = configFrom({});
    const { servers } = await openInMemory(config, { clock: systemClock });
    const queries = openQueries({
      health: { ...createHealth(), set: onReason },
      clock: systemClock,
      eventClock: systemClock,
      random: () => 0,
      instance: 'a1',
      showsRecipients: false,
      meter: createMetrics({ version: '0', node: '0' }),
      retentionMs: config.retention,
    });
    const reader = { ...servers.reader, follow: replaced(servers.reader.follow) };
    const retry = retryUntil(abort.signal, { clock: systemClock, random: () => 0, outages });
    follow({ config, queries, retry, abort }, { ...servers, reader });
  };

  test('an outage of Kafka at the start is over once the read model follows its topics', async () => {
    const waiting = new Set<unknown>();
    let waits = 0;
    let asked = 0;
    const afterTwo =
      (real: TopicReader['follow']): TopicReader['follow'] =>
      async (...how) => {
        asked += 1;
        if (asked <= 2) throw unavailable();
        return real(...how);
      };
    const outages = (over: () => void): Outages => ({
      failed: (party) => {
        waiting.add(party);
        waits += 1;
      },
      answered: (party) => {
        if (waiting.delete(party) && waiting.size === 0) over();
      },
    });
    await new Promise<void>((over, reject) => {
      open(afterTwo, outages(over), () => undefined).catch(reject);
    });
    expect(waits).toBe(2);
  });

  test('a permanent failure of one topic is reported also while the other waits out an outage', async () => {
    const lost = new EfsError('position-lost', 'the log no longer holds 7');
    const neither = (): TopicReader['follow'] => async (topic) => {
      if (topic === DEAD_LETTER_TOPIC) throw unavailable();
      return { ended: Promise.reject(lost) };
    };
    const reported = await new Promise<string>((resolve, reject) => {
      const onReason = (_: string, reason: string | null): void => {
        if (reason?.includes('stopped')) resolve(reason);
      };
      open(neither, noOutages, onReason).catch(reject);
    });
    expect(reported).toContain('the log no longer holds 7');
  });
});
