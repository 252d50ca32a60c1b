import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { assert } from '../src/base/assert';
import { systemClock } from '../src/base/clock';
import { DeliveryId, MessageId } from '../src/base/ids';
import type { Feedback, FeedbackKind } from '../src/feedback/feedback';
import { partitionOf } from '../src/log/partitioner';
import { SCHEMAS } from '../src/feedback/schemas';
import { DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../src/feedback/topics';
import { kafkaSink } from '../src/kafka/sink.kafka';
import type { KpiChanged } from '../src/kpi/encode';
import type { OutgoingRecord } from '../src/log/sink';
import { wireEncoder } from '../src/feedback/encode';
import { decodeKpi } from './outcome';
import { cpuSeconds, sleep } from './processes';
import { against, grouped, printTable, quantile } from './report';
import { onService, PARTITIONS, type World } from './world';

export interface LatencyOptions {
  /** Records per second. */
  readonly rate: number;
  readonly seconds: number;
}

/** Where to measure. */
export interface LatencyPlace {
  /** Of the topics. */
  readonly prefix: string;
  /** The prefix of the deliveries' ids; used once. */
  readonly name: string;
  /** Called with every KPI change, as a subscriber reads it, and its timestamp in the log: milliseconds since 1970. */
  onChange?(change: KpiChanged, at: number): void;
}

const PREFIX = 'latency.';
const DELIVERIES = 20;
const TICK_MS = 10;
/** A message is delivered so long after its relay, so that the relay is folded first. */
const DELIVERED_AFTER_MS = 1_000;
const WARM_UP_MS = 5_000;
const SETTLE_MS = 2_000;

/**
 * From producing a record to reading a KPI change that covers it. Every record raises `relayed + delivered` of its
 * delivery by one, so the i-th record of a delivery is covered by the first change that shows at least i.
 */
export async function benchLatency(options: LatencyOptions): Promise<void> {
  await onService(PREFIX, async (world, efs) => {
    const pids = { efs: efs.pid, Redis: world.pids.redis, broker: world.pids.kafka };
    const usage = () => Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)] as const);
    const before = new Map(usage());
    const latencies = await measure(world, options, { prefix: PREFIX, name: 'latency' });
    show(options, latencies);
    const lasted = WARM_UP_MS / 1000 + options.seconds;
    const shares = usage().map(
      ([name, seconds]) => `${name} ${grouped(((seconds - (before.get(name) ?? 0)) * 100) / lasted)} %`,
    );
    console.log(`CPU of one core: ${shares.join(', ')}`);
  });
}

/** The records of one delivery: when each was produced, and how many a change has covered. */
interface Coverage {
  readonly producedAt: number[];
  covered: number;
}

/** Latencies in milliseconds, of the records produced after the warm-up, sorted. */
export async function measure(
  world: World,
  { rate, seconds }: LatencyOptions,
  place: LatencyPlace,
): Promise<number[]> {
  const deliveries = new Map<string, Coverage>();
  const latencies: number[] = [];
  const measuredFrom = performance.now() + WARM_UP_MS;
  const leave = await subscribe(world.kafka, place.prefix, (value, at) => {
    const now = performance.now();
    const change = decodeKpi(value);
    place.onChange?.(change, at);
    const { deliveryId, kpis } = change;
    const delivery = deliveries.get(deliveryId);
    if (delivery === undefined) return;
    const shown = kpis.relayed + kpis.delivered;
    assert(shown <= delivery.producedAt.length, `${deliveryId} shows more than was produced`);
    for (; delivery.covered < shown; delivery.covered++) {
      const producedAt = delivery.producedAt[delivery.covered] ?? 0;
      if (producedAt >= measuredFrom) latencies.push(now - producedAt);
    }
  });
  const until = performance.now() + WARM_UP_MS + seconds * 1000;
  const records = await produceSteadily(world, place, rate, until, (deliveryId) => {
    const delivery = deliveries.get(deliveryId) ?? { producedAt: [], covered: 0 };
    deliveries.set(deliveryId, delivery);
    delivery.producedAt.push(performance.now());
  });
  await sleep(SETTLE_MS);
  await leave();
  const covered = [...deliveries.values()].reduce((sum, delivery) => sum + delivery.covered, 0);
  assert(covered === records, `KPI changes cover ${covered} of ${records} records`);
  return latencies.sort((a, b) => a - b);
}

/** Passes on every KPI change; resolves once subscribed. */
async function subscribe(
  kafka: Kafka,
  prefix: string,
  onChange: (value: Buffer, at: number) => void,
): Promise<() => Promise<void>> {
  const consumer = kafka.consumer({ groupId: 'latency-bench', maxWaitTimeInMs: 1_000 });
  await consumer.connect();
  await consumer.subscribe({ topic: prefix + DELIVERY_KPI_TOPIC, fromBeginning: true });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  await consumer.run({
    partitionsConsumedConcurrently: PARTITIONS,
    eachMessage: async ({ message }) => {
      if (message.value !== null) onChange(message.value, Number(message.timestamp));
    },
  });
  await joined;
  return () => consumer.disconnect();
}

/** Produces relays, and a delivery for each of them later, at a rate; returns the number of records. */
async function produceSteadily(
  world: World,
  { prefix, name }: LatencyPlace,
  rate: number,
  until: number,
  onBorn: (deliveryId: string) => void,
): Promise<number> {
  const sink = kafkaSink(world.kafka, { clock: systemClock, prefix });
  const encode = wireEncoder(await inputIds(world, prefix));
  const relayed: { readonly message: Message; readonly at: number }[] = [];
  let delivered = 0;
  let sent = 0;
  const start = performance.now();
  for (let now = start; now < until; now = performance.now()) {
    const batch: OutgoingRecord[] = [];
    const due = Math.floor(((now - start) * rate) / 1000) - sent;
    for (let i = 0; i < due; i++) {
      const oldest = relayed[delivered];
      const deliver = i % 2 === 1 && oldest !== undefined && oldest.at + DELIVERED_AFTER_MS <= now;
      const message = deliver ? oldest.message : newMessage(name);
      if (deliver) delivered += 1;
      else relayed.push({ message, at: now });
      onBorn(message.deliveryId);
      batch.push(recordOf(feedbackOn(message, deliver), encode));
    }
    sent += batch.length;
    await sink.emit(batch);
    await sleep(Math.max(0, TICK_MS - (performance.now() - now)));
  }
  await sink.close();
  return sent;
}

interface Message {
  readonly messageId: MessageId;
  readonly deliveryId: DeliveryId;
}

/** A message of one of the deliveries, the first ones more often than the last. */
function newMessage(name: string): Message {
  const number = Math.floor(DELIVERIES ** Math.random());
  return { messageId: MessageId(randomUUID()), deliveryId: DeliveryId(`${name}-${number}`) };
}

function feedbackOn(message: Message, deliver: boolean): Feedback {
  const occurredAt = Date.now();
  const common = { ...message, eventId: randomUUID(), occurredAt, recipientDomain: 'gmail.com' };
  return deliver
    ? { ...common, kind: 'Delivered', relayedAt: null, attempt: 1 }
    : { ...common, kind: 'Relayed', policy: 'EFS', validityPeriodMs: null, deliverySize: null };
}

function recordOf(feedback: Feedback, encode: (feedback: Feedback) => Buffer): OutgoingRecord {
  const key = Buffer.from(feedback.messageId);
  const { topic } = FEEDBACK_TOPICS[feedback.kind === 'Relayed' ? 0 : 1];
  return { topic, partition: partitionOf(key, PARTITIONS), key, value: encode(feedback) };
}

/** The ids that the registry gave to the input schemas. */
async function inputIds(world: World, prefix: string): Promise<Record<FeedbackKind, number>> {
  const url = world.settings(prefix)['EFS_SCHEMA_REGISTRY_URL'] ?? '';
  const ids = await Promise.all(
    FEEDBACK_TOPICS.map(async ({ topic, kind }) => {
      const response = await fetch(`${url}/subjects/${prefix}${topic}-value`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify({ schema: SCHEMAS[kind].text }),
      });
      return [kind, ((await response.json()) as { id: number }).id] as const;
    }),
  );
  return Object.fromEntries(ids) as Record<FeedbackKind, number>;
}

function show({ rate, seconds }: LatencyOptions, latencies: readonly number[]): void {
  console.log(
    `\n${grouped(latencies.length)} records at ${grouped(rate)}/s in ${seconds} s after a warm-up, Node ${process.version}\n`,
  );
  printTable([
    ['record produced to KPI change read', 'ms', 'floor', ''],
    against('p50', quantile(latencies, 0.5), { most: 150 }, 0),
    against('p99', quantile(latencies, 0.99), { most: 500 }, 0),
    against('worst', latencies.at(-1) ?? NaN, {}, 0),
  ]);
}
