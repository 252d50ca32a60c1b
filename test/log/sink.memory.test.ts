import { memoryLog } from '../../src/log/log.memory';
import { memoryCommittedOffset } from '../../src/log/source.memory';
import { memoryFencedSinks, memorySink } from '../../src/log/sink.memory';
import { witnessPartition } from '../../src/log/sink';
import { sinkContract, type SinkWorld, type Written } from './sink.contract';

async function memoryWorld(): Promise<SinkWorld> {
  const log = memoryLog({ partitions: 3 });
  return {
    sink: () => memorySink(log, { prefix: 't.' }),
    fencedSinks: () => memoryFencedSinks(log, { group: 'g', witnessTopic: 't.in', prefix: 't.' }),
    committedOffset: memoryCommittedOffset(log),
    group: 'g',
    witnessTopic: 't.in',
    async written(partition) {
      const { high } = log.watermarks('t.out', partition);
      const written: Written[] = [];
      for (let offset = 0; offset < high; offset++) {
        const entry = log.entry('t.out', partition, offset);
        if (!entry?.record) continue;
        const { key, value, headers = [] } = entry.record;
        written.push({
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
          timestamp: entry.timestamp,
          headers,
        });
      }
      return written;
    },
    close: async () => undefined,
  };
}

sinkContract(memoryWorld);

test('the name of a fenced sink ends with the partition it speaks of', () => {
  expect(witnessPartition('kpi-12')).toBe(12);
  expect(witnessPartition('0')).toBe(0);
  expect(() => witnessPartition('kpi')).toThrow('partition number');
});
