import { systemClock } from '../../src/base/clock';
import type { IngestSource, Taken } from '../../src/ingest/source';
import { ingestTopic } from '../../src/ingest/topic';
import { type MemoryLog, memoryLog } from '../../src/log/log.memory';
import { memoryCommittedOffset, memorySource } from '../../src/log/source.memory';
import { turn } from '../support/clock';
import { delivered, sampleSource } from './sample-door';

const TOPIC = 'mta-log';
const GROUP = 'efs-ingest';

function filled(messages: readonly string[], more: readonly (Buffer | null)[] = []): MemoryLog {
  const log = memoryLog({ partitions: 1, clock: systemClock });
  log.create(TOPIC, 1);
  for (const value of [...messages.map((each) => Buffer.from(JSON.stringify(delivered(each)))), ...more])
    log.append(TOPIC, 0, { key: null, value });
  return log;
}

/** Ingests the log until it is stopped. */
async function ingest(log: MemoryLog, write: (taken: readonly Taken[]) => Promise<void>) {
  const source = memorySource(log, { topics: [TOPIC], groupId: GROUP });
  const failures: unknown[] = [];
  await ingestTopic(
    {
      ...{ source: sampleSource, log: source, topic: TOPIC, group: GROUP, clock: systemClock },
      committed: memoryCommittedOffset(log),
      write: (_: IngestSource, taken: readonly Taken[]) => write(taken).then(() => taken),
      onTaken: () => undefined,
      onFailed: (error) => failures.push(error),
      onGap: () => undefined,
    },
    (attempt) => attempt(),
  );
  await turn();
  return { failures, stop: () => source.stop() };
}

const committed = (log: MemoryLog) => memoryCommittedOffset(log)(GROUP, TOPIC, 0);

describe('a topic that an MTA fills', () => {
  it('is taken from its beginning, what is no event is set aside, and a value that is absent is passed over', async () => {
    const log = filled(['a', 'b'], [Buffer.from('no JSON'), null]);
    const outcomes: string[] = [];
    const { failures, stop } = await ingest(log, async (taken) => {
      outcomes.push(...taken.map(({ mapped }) => mapped.outcome));
    });
    await stop();
    expect([outcomes, failures]).toEqual([['feedback', 'feedback', 'dead-letter'], []]);
  });

  it('has no offset committed before its feedback is acknowledged', async () => {
    const log = filled(['a']);
    let acknowledge = (): void => undefined;
    const { stop } = await ingest(log, () => new Promise((resolve) => (acknowledge = resolve)));
    expect(await committed(log)).toBeNull();
    acknowledge();
    await turn();
    await stop();
    expect(await committed(log)).toMatchObject({ offset: 1 });
  });

  it('goes on after what was committed', async () => {
    const log = filled(['a', 'b', 'c']);
    log.commit(GROUP, TOPIC, 0, { offset: 2, metadata: '' });
    const keys: string[] = [];
    const { stop } = await ingest(log, async (taken) => {
      for (const { mapped } of taken) if (mapped.outcome === 'feedback') keys.push(mapped.feedback.messageId);
    });
    await stop();
    expect(keys).toEqual(['c']);
  });
});
