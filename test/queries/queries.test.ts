import { readConfig } from '../../src/settings/config';
import { systemClock } from '../../src/base/clock';
import { EfsError } from '../../src/base/errors';
import { openInMemory } from '../../src/app/in-memory';
import { lookThrough, windowOf } from '../../src/app/queries';
import type { TopicReader } from '../../src/log/source';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { createHealth } from '../../src/queries/health';
import { createMetrics } from '../../src/http/metrics';
import type { Outages } from '../../src/tasks/outages';

const away = (): EfsError => new EfsError('kafka-unavailable', 'This server is not the leader');
const silent: Outages = { failed: () => undefined, answered: () => undefined };

describe('the window', () => {
  const abort = new AbortController();
  afterAll(() => abort.abort());

  /** A window that looks at an empty log in memory, which it follows as `follow` says. */
  const look = async (
    follow: (real: TopicReader['follow']) => TopicReader['follow'],
    outages: Outages,
    onReason: (key: string, reason: string | null) => void,
  ): Promise<void> => {
    const read = readConfig({});
    if ('errors' in read) throw new Error(read.errors.join('\n'));
    const { servers: servers } = await openInMemory(read.ok, { clock: systemClock });
    const health = { ...createHealth(), set: onReason };
    const queries = windowOf(read.ok, { health, metrics: createMetrics({ version: '0', node: '0' }) });
    const reader = { ...servers.reader, follow: follow(servers.reader.follow) };
    lookThrough(queries, { ...servers, reader, topicPrefix: '' }, outages, abort.signal);
  };

  test('waits no longer once it follows its topics, where Kafka was away when it began', async () => {
    const waiting = new Set<unknown>();
    let waits = 0;
    let asked = 0;
    const afterTwo =
      (real: TopicReader['follow']): TopicReader['follow'] =>
      async (...how) => {
        asked += 1;
        if (asked <= 2) throw away();
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
      look(afterTwo, outages(over), () => undefined).catch(reject);
    });
    expect(waits).toBe(2);
  });

  test('says that it has stopped where one topic cannot be read on, also while it waits for the other', async () => {
    const lost = new EfsError('position-lost', 'the log no longer holds 7');
    const neither = (): TopicReader['follow'] => async (topic) => {
      if (topic === DEAD_LETTER_TOPIC) throw away();
      return { ended: Promise.reject(lost) };
    };
    const said = await new Promise<string>((say, reject) => {
      const onReason = (_: string, reason: string | null): void => {
        if (reason?.includes('stopped')) say(reason);
      };
      look(neither, silent, onReason).catch(reject);
    });
    expect(said).toContain('the log no longer holds 7');
  });
});
