import { DeliveryId, MessageId } from '../../src/base/ids';
import type { Feedback } from '../../src/feedback/feedback';
import { DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { KpiChanged } from '../../src/kpi/encode';
import { partitionOf } from '../../src/log/partitioner';
import type { TrafficRecord } from '../../src/simulation/record';
import { heldBy, schemasOf, valueReader } from './read-back';
import type { Stage } from './stage';

const RELAYED = FEEDBACK_TOPICS.findIndex(({ kind }) => kind === 'Relayed');

/**
 * Records whose way can be followed. Each partition has a delivery of its own: all of its messages, and its KPIs, belong to that
 * partition. So its records are counted in their order, and the first KPI change that counts `n` messages contains the n-th.
 */
export interface Probes {
  /** Ends the production. */
  stop(): Promise<void>;
  /**
   * Per probe the time in milliseconds from the record's timestamp to the first KPI change that contains it, as a reader with
   * read_committed sees it; `Infinity` where none has come.
   */
  ages(): Promise<number[]>;
}

/** The first name that belongs to a partition. */
function nameIn(partition: number, partitions: number, prefix: string, from = 0): string {
  for (let n = from; ; n += 1) {
    const name = `${prefix}-${n}`;
    if (partitionOf(Buffer.from(name), partitions) === partition) return name;
  }
}

function* probes(
  stage: Stage,
  deliveries: readonly string[],
  stopped: AbortSignal,
): Generator<TrafficRecord, void> {
  for (let round = 0; ; round += 1) {
    for (const [partition, deliveryId] of deliveries.entries()) {
      if (stopped.aborted) return;
      const messageId = nameIn(partition, stage.partitions, `${deliveryId}-${round}`);
      const feedback: Feedback = {
        kind: 'Relayed',
        ...{ messageId: MessageId(messageId), deliveryId: DeliveryId(deliveryId) },
        ...{ eventId: messageId, recipientDomain: 'example.org' },
        ...{ occurredAt: Date.now(), policy: null, validityPeriodMs: null, deliverySize: null },
      };
      const [key, value] = [Buffer.from(messageId), stage.encode(feedback)];
      yield { topic: RELAYED, key, value, headers: [], misplaced: false, feedback, poison: null };
    }
  }
}

/** Produces so many probes a second into each partition, until they are stopped. */
export async function startProbes(stage: Stage, perSecond: number): Promise<Probes> {
  const deliveries = Array.from({ length: stage.partitions }, (_, partition) =>
    nameIn(partition, stage.partitions, `probe-${partition}`),
  );
  const arrivals = new Map(deliveries.map((id) => [id, [] as { relayed: number; at: number }[]]));
  const [closed, stopped] = [new AbortController(), new AbortController()];
  const read = valueReader(await schemasOf(stage), 'kpi-changed');
  const { ended } = await stage.reader.follow(
    stage.prefix + DELIVERY_KPI_TOPIC,
    { from: 'beginning', signal: closed.signal },
    ({ key, value }) => {
      const seen = arrivals.get(String(key));
      if (seen === undefined || value === null) return;
      seen.push({ relayed: (read(value) as KpiChanged).kpis.relayed, at: Date.now() });
    },
  );
  const producing = stage.produce(probes(stage, deliveries, stopped.signal), perSecond * stage.partitions);
  producing.catch(() => undefined); // Where the test has failed, nothing awaits it.
  return {
    async stop() {
      stopped.abort();
      await producing;
    },
    async ages() {
      const ages: number[] = [];
      const counted = new Map(deliveries.map((id) => [id, new Set<string>()]));
      for (const { key, timestamp } of await heldBy(stage, FEEDBACK_TOPICS[RELAYED]?.topic ?? '')) {
        const id = deliveries.find((delivery) => String(key).startsWith(`${delivery}-`));
        const messages = counted.get(id ?? '');
        // A batch that is sent again after a lost answer is in the log twice.
        if (messages === undefined || messages.has(String(key))) continue;
        messages.add(String(key));
        const change = arrivals.get(id ?? '')?.find(({ relayed }) => relayed >= messages.size);
        ages.push((change?.at ?? Infinity) - timestamp);
      }
      closed.abort();
      await ended;
      return ages;
    },
  };
}
