import { memoryLog } from '../../src/log/log.memory';
import { memoryReader } from '../../src/log/source.memory';
import type { TopicReader } from '../../src/log/source';
import { header } from '../../src/feedback/dead-letter';
import { newestLetters } from '../../src/queries/ingest-letters';
import { mergedSources, openSources, type SourceReport } from '../../src/queries/sources';
import { systemClock } from '../../src/base/clock';

const report = (name: string, more: Partial<SourceReport> = {}): SourceReport => ({
  ...{ name, format: 'kumomta', lastEventAt: null, feedback: 0, ignored: 0 },
  ...{ deadLetters: {}, events: {}, unmatched: null, ...more },
});
const answer = (url: string, startedAt: number, ...sources: SourceReport[]) => ({
  url,
  report: { startedAt, sources },
});

describe('sources of several ingesters', () => {
  it('are merged by name: counts are summed, the last event is the latest, the start the earliest', () => {
    const [one, other] = mergedSources([
      answer(
        'a',
        2_000,
        report('spark', {
          ...{ lastEventAt: 5_000, feedback: 3, ignored: 1 },
          ...{ deadLetters: { unmatched: 2 }, events: { bounce: 3, open: 1 } },
        }),
      ),
      { url: 'b', problem: 'does not answer' },
      answer(
        'c',
        1_000,
        report('spark', {
          ...{ lastEventAt: 4_000, feedback: 4, unmatched: 'no id' },
          ...{ deadLetters: { unmatched: 1, 'not-parsable': 1 }, events: { bounce: 1, constructor: 3 } },
        }),
        report('kumo'),
      ),
    ]);
    expect(one).toEqual({ ...report('kumo'), since: 1_000 });
    expect(other).toEqual({
      ...{ name: 'spark', format: 'kumomta', since: 1_000, lastEventAt: 5_000, feedback: 7, ignored: 1 },
      deadLetters: { unmatched: 3, 'not-parsable': 1 },
      events: { bounce: 4, open: 1, constructor: 3 },
      unmatched: 'no id',
    });
  });

  it('of one name and two formats name both', () => {
    const [one] = mergedSources([
      answer('a', 0, report('x')),
      answer('b', 0, report('x', { format: 'ses' })),
      answer('c', 0, report('x', { format: 'ses' })),
    ]);
    expect(one?.format).toBe('kumomta, ses');
  });

  it('are shown while Kafka does not answer, with that as the problem of the letters', async () => {
    const sleeps: number[] = [];
    const clock = {
      ...systemClock,
      sleep: async (ms: number) => void sleeps.push(ms),
    };
    const ask = async () => [answer('a', 0, report('spark')), { url: 'b', problem: 'answered 500' }];
    const hangs = openSources({ clock, ask, letters: () => new Promise(() => undefined) });
    expect(await hangs()).toMatchObject({
      ingesters: [
        { url: 'a', problem: null },
        { url: 'b', problem: 'answered 500' },
      ],
      sources: [{ name: 'spark' }],
      ...{ letters: [], lettersProblem: 'Kafka does not answer in time' },
    });
    expect(sleeps).toEqual([2_000]);
    const refuses = openSources({
      ...{ clock: systemClock, ask },
      letters: () => Promise.reject(new Error('no right to read')),
    });
    expect((await refuses()).lettersProblem).toBe('no right to read');
  });
});

describe('the newest letters', () => {
  const TOPIC = 'efs.ingest-dead-letter';
  const open = () => {
    const log = memoryLog({ partitions: 2, clock: systemClock });
    log.create(TOPIC, 2);
    const memory = memoryReader(log);
    const reads: [number, number | undefined][] = [];
    const read: TopicReader['read'] = (topic, partition, take, from) => {
      reads.push([partition, from]);
      return memory.read(topic, partition, take, from);
    };
    let timestamp = 0;
    const add = (partition: number, reason: string): void =>
      void log.append(TOPIC, partition, {
        timestamp: (timestamp += 1_000),
        ...{ key: Buffer.from('spark'), value: Buffer.from('jane@example.org') },
        headers: ['reason', 'detail', 'source', 'format'].map((name) =>
          header(`efs.${name}`, name === 'reason' ? reason : `the ${name}`),
        ),
      });
    return { add, reads, newest: newestLetters({ ...memory, read }, TOPIC) };
  };

  it('are the last eight, of which each partition is read no further back, and only where it has changed', async () => {
    const { add, reads, newest } = open();
    for (let index = 0; index < 20; index += 1) add(0, `r${index}`);
    const first = await newest();
    expect(first.map(({ id }) => id)).toEqual([19, 18, 17, 16, 15, 14, 13, 12].map((at) => `0/${at}`));
    expect(reads).toEqual([[0, 12]]);
    expect(first[0]).toEqual({
      ...{ id: '0/19', at: 20_000, reason: 'r19' },
      ...{ detail: 'the detail', source: 'the source', format: 'the format' },
    });
    add(1, 'other');
    expect((await newest()).map(({ reason }) => reason).slice(0, 2)).toEqual(['other', 'r19']);
    expect(reads).toEqual([
      [0, 12],
      [1, 0],
    ]);
  });
});
