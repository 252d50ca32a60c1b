import { memoryLog } from '../../src/log/log.memory';
import { memoryCommittedOffset } from '../../src/log/source.memory';
import { memoryTransactionalSinks, memorySink } from '../../src/log/sink.memory';
import { sinkContract, type SinkWorld, type Written } from './sink.contract';

async function memoryWorld(): Promise<SinkWorld> {
  const log = memoryLog({ partitions: 3 });
  return {
    sink: () => memorySink(log, { prefix: 't.' }),
    transactionalSinks: () => memoryTransactionalSinks(log, { group: 'g', prefix: 't.' }),
    committedOffset: memoryCommittedOffset(log),
    group: 'g',
    checkpointTopic: 't.in',
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
