import { systemClock } from '../src/base/clock';
import { kafkaReader } from '../src/kafka/reader.kafka';
import { SCHEMAS } from '../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC } from '../src/feedback/topics';
import type { KpiChanged } from '../src/kpi/encode';
import { endOffsets, type World } from './world';

const WIRE_HEADER = 5;
/** Offsets behind the last record: a transaction's end marker and more. */
const TAIL = 50;

/** A published KPI change as a reader of the topic decodes it. */
export function decodeKpi(value: Buffer): KpiChanged {
  return SCHEMAS.KpiChanged.type.fromBuffer(value.subarray(WIRE_HEADER)) as KpiChanged;
}

/** When the last contribution or KPI change was emitted, in milliseconds since 1970. */
export async function lastChange(world: World, prefix: string): Promise<number> {
  const reader = kafkaReader(world.kafka, systemClock);
  let last = 0;
  for (const topic of [prefix + CONTRIBUTIONS_TOPIC, prefix + DELIVERY_KPI_TOPIC]) {
    const deps = await endOffsets(world, topic);
    for (const [partition, end] of deps.entries()) {
      const from = Math.max(0, end - TAIL);
      await reader.read(topic, partition, ({ timestamp }) => (last = Math.max(last, timestamp)), from);
    }
  }
  await reader.close();
  return last;
}

/** The sum of the last KPI changes of all deliveries. */
export async function readKpis(world: World, prefix: string): Promise<{ relayed: number; changes: number }> {
  const reader = kafkaReader(world.kafka, systemClock);
  const topic = prefix + DELIVERY_KPI_TOPIC;
  const relayed = new Map<string, number>();
  let changes = 0;
  for (const [partition] of (await endOffsets(world, topic)).entries()) {
    await reader.read(topic, partition, ({ value }) => {
      if (value === null) return;
      const { deliveryId, kpis } = decodeKpi(value);
      relayed.set(deliveryId, kpis.relayed);
      changes += 1;
    });
  }
  await reader.close();
  return { relayed: [...relayed.values()].reduce((sum, count) => sum + count, 0), changes };
}
