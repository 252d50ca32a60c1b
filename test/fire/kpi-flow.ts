import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { pollMs } from '../servers/child';
import type { Stage } from './stage';

const POLL_MS = 200;
/** So many times new records have come before a partition counts as going on. */
const ARRIVALS = 3;

/** Times at which KPI records could be read, as a reader of committed records sees them; milliseconds since 1970. */
export interface KpiFlow {
  /** Whether records have come in every partition, again and again. */
  hasFlowedSince(from: number): boolean;
  /** When the first new records since then had come in every partition; `Infinity` where they have not. */
  resumedSince(from: number): number;
  close(): Promise<void>;
}

/** Watches the KPI topic, each partition by itself; a partition that cannot be read is asked again. */
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

/** Notes when new records of a partition are there. A failed connection is replaced, so that none is relied on. */
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
