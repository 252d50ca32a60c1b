import { systemClock } from '../../src/base/clock';
import { feedbackDecoder } from '../../src/feedback/decode';
import { partitionOf } from '../../src/log/partitioner';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { SCHEMAS } from '../../src/feedback/schemas';
import type { LogRecord } from '../../src/log/source';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { wireEncoder } from '../../src/feedback/encode';
import { ORDINARY_TRAFFIC, traffic } from '../../src/simulation/traffic';
import type { TrafficRecord } from '../../src/simulation/record';

const PARTITIONS = 4;

function appended(sent: TrafficRecord, offset: number): LogRecord {
  const { topic, key, value, headers, misplaced } = sent;
  const home = partitionOf(key ?? Buffer.alloc(0), PARTITIONS);
  const partition = misplaced ? (home + 1) % PARTITIONS : home;
  return {
    topic,
    key,
    value,
    partition,
    offset,
    timestamp: 0,
    headerCount: headers.length,
    headers: () => headers,
  };
}

async function encoder(registry: ReturnType<typeof memoryRegistry>) {
  const ids: Record<string, number> = {};
  for (const { topic, kind } of FEEDBACK_TOPICS) {
    const answer = await registry.register(`${topic}-value`, SCHEMAS[kind].text);
    ids[kind] = 'id' in answer ? answer.id : NaN;
  }
  return wireEncoder(ids as never);
}

test('the decoder accepts every valid record, and rejects every poisoned one for its reason', async () => {
  const registry = memoryRegistry();
  const limits = { maxValueBytes: 4096, maxHeaders: 8 };
  const options = {
    ...ORDINARY_TRAFFIC,
    messages: 4000,
    poison: 0.2,
    duplicates: 0.1,
    disorder: 0.1,
    limits,
  };
  const sent = [...traffic(options, await encoder(registry))];
  const decode = feedbackDecoder({
    registry,
    limits,
    clock: systemClock,
    topics: FEEDBACK_TOPICS,
    partitioner: 'murmur2',
    partitions: PARTITIONS,
  });
  const { inputs, rejected } = await decode(sent.map(appended));
  expect(inputs).toEqual(sent.flatMap(({ feedback }) => (feedback === null ? [] : [feedback])));
  const reasons = rejected.map(({ record, reason, detail }) => ({ at: record.offset, reason, detail }));
  const wanted = sent.flatMap(({ poison: reason }, at) =>
    reason === null ? [] : [{ at, reason, detail: expect.any(String) }],
  );
  expect(reasons).toEqual(wanted);
});
