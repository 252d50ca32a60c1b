import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import type { KpiChanged } from '../../src/kpi/encode';
import type { OutgoingRecord, Sink, TransactionalSinks } from '../../src/log/sink';
import type { Committed } from '../../src/log/source';
import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import { type Addresses, type Stage, until } from '../fire/stage';

/** Bytes as text: one character each (latin1). */
type Bytes = string;

type Row = readonly [
  offset: number,
  timestamp: number,
  key: Bytes | null,
  value: Bytes | null,
  headers?: readonly (readonly [name: Bytes, value: Bytes | null])[],
];

interface HeldPartition {
  readonly end: number;
  readonly records: readonly Row[];
}

/** Everything that an earlier version had in its servers when it was killed. */
export interface Installation {
  /** By id, which counts from 1. */
  readonly schemas: readonly (readonly [id: number, subject: string, schema: string])[];
  /** The log by topic, then partition. */
  readonly topics: Readonly<Record<string, readonly HeldPartition[]>>;
  /** What the kpi group has committed, by partition of the contributions. */
  readonly checkpoints: readonly (readonly [partition: number, committed: Committed])[];
  /** Redis: strings, and hashes by field. */
  readonly keys: Readonly<Record<string, Bytes | Readonly<Record<Bytes, Bytes>>>>;
  /** The last published record of each delivery. */
  readonly kpis: Readonly<Record<string, KpiChanged>>;
}

/**
 * `installation-of-c2798a0.json` was written by the version of that commit, between 0.1 and the next: topics without a prefix in two partitions,
 * `EFS_MESSAGE_STATUS=on`, the simulated traffic of seed 132 (130 messages, three deliveries, every kind of feedback,
 * disorder, duplicates, poison) with event times in 2090, so that no deadline passes. One worker published most of it and
 * was stopped. The next one was killed at its second transaction, with its commits' outboxes in Redis and a rest of the
 * inputs to read. Then topics and keys were read with a plain client.
 */
export function readInstallation(commit: string): Installation {
  const file = join(__dirname, `installation-of-${commit}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as Installation;
}

const bytes = (text: Bytes): Buffer => Buffer.from(text, 'latin1');
const bytesOrNull = (text: Bytes | null): Buffer | null => (text === null ? null : bytes(text));

/** Registers the schemas of an installation in an empty registry, under their ids. */
export async function registerSchemas({ schemas }: Installation, registryUrl: string): Promise<void> {
  for (const [id, subject, schema] of schemas) {
    const answer = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema }),
    });
    const registered = (await answer.json()) as { id: number };
    if (registered.id !== id) throw new Error(`${subject} is schema ${registered.id}, not ${id}`);
  }
}

/** Restores log, checkpoints and Redis on a stage without a prefix, whose topics are empty. */
export async function restore(installation: Installation, stage: Stage): Promise<void> {
  const kafka = kafkaClient({ brokers: [...stage.addresses.kafkaBrokers], clientId: 'restore' });
  const sink = kafkaSink(kafka, { clock: systemClock });
  const sinks = kafkaTransactionalSinks(kafka, { clock: systemClock, group: 'efs-kpi' });
  const laterMs = Date.now() - latest(installation);
  for (const [topic, partitions] of Object.entries(installation.topics)) {
    for (const [partition, held] of partitions.entries()) {
      await restorePartition({ topic, partition, laterMs }, held, sink, sinks);
      // A marker is written some time after its transaction is answered.
      await until(`${topic}/${partition} ends at ${held.end}`, async () => {
        const { high } = await stage.reader.watermarks(topic, partition);
        return high === held.end;
      });
    }
  }
  for (const [partition, checkpoint] of installation.checkpoints) {
    const owned = await sinks.open(`kpi-${partition}`);
    await owned.emit([], { ...checkpoint, topic: CONTRIBUTIONS_TOPIC, partition });
    await owned.close();
  }
  await sink.close();
  await restoreRedis(installation, stage.addresses);
}

interface Home {
  readonly topic: string;
  readonly partition: number;
  /** Makes timestamps recent, or the topic's retention would delete the records. */
  readonly laterMs: number;
}

async function restorePartition(
  home: Home,
  held: HeldPartition,
  sink: Sink,
  sinks: TransactionalSinks,
): Promise<void> {
  for (const { rows, markers } of runsOf(held)) {
    const records = rows.map((row) => outgoing(home, row));
    if (markers === 0) {
      await sink.emit(records);
      continue;
    }
    const owned = await sinks.open(`restore-${home.partition}`);
    const transactions = [...records.slice(0, markers - 1).map((each) => [each]), records.slice(markers - 1)];
    for (const each of transactions) {
      const outcome = await owned.emit(each, null);
      if (outcome !== 'acknowledged') throw new Error(`a transaction on ${home.topic} is ${outcome}`);
    }
    await owned.close();
  }
}

/** Records without a gap, and the number of offsets behind them that transactions took for their markers. */
function runsOf({ records, end }: HeldPartition): { rows: Row[]; markers: number }[] {
  const runs: { rows: Row[]; markers: number }[] = [];
  records.forEach((row, index) => {
    const [offset] = row;
    const [next] = records[index + 1] ?? [end];
    const last = runs.at(-1);
    const run = last === undefined || last.markers > 0 ? { rows: [], markers: 0 } : last;
    if (run !== last) runs.push(run);
    run.rows.push(row);
    run.markers = next - offset - 1;
  });
  return runs;
}

const latest = ({ topics }: Installation): number =>
  Object.values(topics)
    .flat()
    .flatMap(({ records }) => records)
    .reduce((most, [, timestamp]) => Math.max(most, timestamp), 0);

function outgoing({ topic, partition, laterMs }: Home, row: Row): OutgoingRecord {
  const [, timestamp, key, value, headers = []] = row;
  return {
    topic,
    partition,
    key: bytesOrNull(key),
    value: bytesOrNull(value),
    headers: headers.map(([name, text]) => ({ name: bytes(name), value: bytesOrNull(text) })),
    timestamp: timestamp + laterMs,
  };
}

async function restoreRedis({ keys }: Installation, { redisUrl }: Addresses): Promise<void> {
  const noLog = { info: () => undefined, warn: () => undefined };
  const redis = await connectRedis(redisUrl, { log: noLog, name: 'restore' });
  for (const [key, content] of Object.entries(keys)) {
    if (typeof content === 'string') await redis.set(key, bytes(content));
    else {
      const entries = Object.entries(content).map(([field, value]) => [bytes(field), bytes(value)] as const);
      await redis.hset(key, ...entries.flat());
    }
  }
  closeRedis(redis);
}
