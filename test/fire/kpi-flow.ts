import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/feedback/client.kafka';
import { kafkaReader } from '../../src/feedback/reader.kafka';
import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { pollMs } from '../servers/child';
import type { Stage } from './stage';

const POLL_MS = 200;
/** Longer than a KPI change waits for others of its delivery, many times over. */
const PAUSE_MS = 1_500;
/** So many times new records have come before a partition counts as going on. */
const ARRIVALS = 3;

/** Times at which KPI records could be read, as a reader of committed records sees them; milliseconds since 1970. */
export interface KpiFlow {
  /** Whether records have come in every partition, again and again. */
  hasFlowedSince(from: number): boolean;
  /** The longest pause of a partition that began since then, and when it was over, in milliseconds after that; or zeros. */
  longestPauseSince(from: number): { readonly lastedMs: number; readonly overMs: number };
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
    longestPauseSince(from) {
      const pauses = arrivals
        .flatMap((times) => pausesOf([from, ...times], from))
        .map(({ since, until }) => ({ lastedMs: until - since, overMs: until - from }));
      return pauses.sort((a, b) => a.lastedMs - b.lastedMs).at(-1) ?? { lastedMs: 0, overMs: 0 };
    },
    async close() {
      closed.abort();
      await Promise.all(watching);
    },
  };
}

/** The pauses between some times that began at `from` or later. */
function pausesOf(times: readonly number[], from: number): { since: number; until: number }[] {
  return times
    .filter((time) => time >= from)
    .sort((a, b) => a - b)
    .map((since, index, sorted) => ({ since, until: sorted[index + 1] ?? since }))
    .filter(({ since, until }) => until - since > PAUSE_MS);
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
