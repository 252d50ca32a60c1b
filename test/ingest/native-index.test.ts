import { indexValue } from '../../src/feedback/ingest-index';
import { INGEST_INDEX_TOPIC } from '../../src/feedback/topics';
import { indexMemory } from '../../src/ingest/index-memory';
import { openIndex } from '../../src/ingest/native-index';
import { memoryLog } from '../../src/log/log.memory';
import { memorySink } from '../../src/log/sink.memory';
import { memoryReader } from '../../src/log/source.memory';
import { nativeIndexContract } from './native-index.contract';

nativeIndexContract(async () => {
  const log = memoryLog({ partitions: 4 });
  log.remove(`t.missing.${INGEST_INDEX_TOPIC}`);
  return {
    prefix: 't.',
    sink: () => memorySink(log, { prefix: 't.' }),
    reader: () => memoryReader(log),
    close: () => Promise.resolve(),
  };
});

const AT = Date.UTC(2026, 10, 25);
const entry = (messageId: string) => ({ deliveryId: 'DM7', messageId, at: AT });

describe('the memory of an index', () => {
  it('holds about as many bytes as it may, and lets the oldest entries go', () => {
    const memory = indexMemory(1 << 20);
    for (let at = 0; at < 20_000; at += 1) memory.put(`key-${at}`, indexValue(entry(`m-${at}`)));
    expect(memory.entries()).toBeGreaterThan(3_000);
    expect(memory.entries()).toBeLessThan(6_000);
    expect(memory.find(['key-0'], AT)).toBeNull();
    expect(memory.find(['key-19999'], AT)).toEqual(entry('m-19999'));
  });

  it('counts an entry that is put again as a new one', () => {
    const memory = indexMemory(700);
    for (const key of ['a', 'b', 'c', 'a', 'd', 'e']) memory.put(key, indexValue(entry(key)));
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => memory.find([key], AT)?.messageId ?? null)).toEqual([
      ...['a', null, null, 'd', 'e'],
    ]);
  });

  it('is not exceeded by entries whose ids are as long as they may be', () => {
    const memory = indexMemory(1 << 20);
    const long = { deliveryId: 'ü'.repeat(128), messageId: 'ü'.repeat(128), at: AT };
    for (let at = 0; at < 5_000; at += 1) memory.put(`key-${at}`, indexValue(long));
    expect(memory.entries()).toBeLessThan(1_600);
    expect(memory.find(['key-4999'], AT)).toEqual(long);
  });

  it('forgets what a record without a value removes', () => {
    const memory = indexMemory(1 << 20);
    memory.put('a', indexValue(entry('m')));
    memory.put('a', null);
    expect([memory.find(['a'], AT), memory.entries()]).toEqual([null, 0]);
  });
});

test('an index reads no more of a long topic than its memory holds', async () => {
  const log = memoryLog({ partitions: 2 });
  for (let at = 0; at < 20_000; at += 1)
    log.append(INGEST_INDEX_TOPIC, at % 2, {
      ...{ key: Buffer.from(`key-${at}`), value: indexValue(entry(`m-${at}`)) },
    });
  const reader = memoryReader(log);
  let read = 0;
  const { index } = await openIndex({
    reader: {
      ...reader,
      follow: (topic, how, onRecord) =>
        reader.follow(topic, how, (record) => {
          read += 1;
          onRecord(record);
        }),
    },
    ...{ emit: () => Promise.resolve(), prefix: '', bytesMax: 1 << 20, signal: new AbortController().signal },
  });
  expect(read).toBeLessThan(6_000);
  expect(index.find(['key-19999'], AT)).toEqual(entry('m-19999'));
  expect(index.find(['key-19998'], AT)).toEqual(entry('m-19998'));
});
