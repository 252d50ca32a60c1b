import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { pollMs } from '../servers/child';
import type { Stage } from './stage';

const POLL_MS = 200;
/** So many times a partition must have new records before it counts as flowing. */
const ARRIVALS = 3;

/** Times at which KPI records were readable with read_committed; milliseconds since 1970. */
export interface KpiFlow {
  /** Whether every partition has had new records several times. */
  hasFlowedSince(from: number): boolean;
  /** When every partition had its first new records since then; `Infinity` where one had none. */
  resumedSince(from: number): number;
  close(): Promise<void>;
}

/** Watches each partition of the KPI topic; a partition that cannot be read is polled again. */
export function watchKpis(stage: Stage): KpiFlow {
  const closed = new AbortController();
  const arrivals = Array.from({ length: stage.partitions }, (): number[] => []);
  const watching = arrivals.map((times, partition) => watch(stage, partition, times, closed.signal));
  return {
    hasFlowedSince: (from) =>
      arrivals.every((times) => times.filter((time) => time >= from).length >= ARRIVALS),
    resumedSince: (from) =>
      Math.max(...arrivals.map((times) => times.find((time) => time >= from) ?? Infinity)),
    async close() {
      closed.abort();
      await Promise.all(watching);
    },
  };
}

/** Records when a partition has new records. A failed connection is replaced. */
async function watch(stage: Stage, partition: number, times: number[], signal: AbortSignal): Promise<void> {
  const { kafkaBrokers: brokers } = stage.addresses;
  const open = () => kafkaReader(kafkaClient({ brokers, clientId: 'observer' }), systemClock);
  let reader = open();
  let position = 0;
  while (!signal.aborted) {
    try {
      const before = position;
      await reader.read(
        stage.prefix + DELIVERY_KPI_TOPIC,
        partition,
        ({ offset }) => (position = offset + 1),
        position,
      );
      if (position > before) times.push(Date.now());
    } catch {
      await reader.close();
      reader = open();
    }
    await pollMs(POLL_MS);
  }
  await reader.close();
}
