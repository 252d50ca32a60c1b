import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as avro from 'avsc';
import type { LogRecord } from '../../src/log/source';
import { untilDone } from '../kafka/kafka-world';
import type { Stage } from './stage';

/** A record as read back, with its headers' bytes. */
export interface Held {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headerCount: number;
  readonly headers: readonly { readonly name: Buffer; readonly value: Buffer | null }[];
}

const copied = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes));

function held(topic: string, record: LogRecord): Held {
  const { partition, offset, timestamp, headerCount } = record;
  const headers = record
    .headers()
    .map(({ name, value }) => ({ name: Buffer.from(name), value: copied(value) }));
  return {
    ...{ topic, partition, offset, timestamp, headerCount, headers },
    key: copied(record.key),
    value: copied(record.value),
  };
}

/** Every committed record of a topic, partition by partition, each in the order of the log. */
export async function heldBy(stage: Stage, topic: string): Promise<Held[]> {
  const found: Held[] = [];
  for (let partition = 0; partition < stage.partitions; partition += 1)
    found.push(...(await partitionHeldBy(stage, topic, partition)));
  return found;
}

/** The same of a partition. Retries: a topic that has just been made may not have a leader yet. */
const partitionHeldBy = (stage: Stage, topic: string, partition: number): Promise<Held[]> =>
  untilDone(async () => {
    const found: Held[] = [];
    await stage.reader.read(stage.prefix + topic, partition, (record) => found.push(held(topic, record)));
    return found;
  });

/** The registry's schemas by id, over its public API. */
export async function schemasOf({ addresses }: Stage): Promise<Map<number, string>> {
  const schemas = new Map<number, string>();
  // Concurrent registrations leave gaps.
  for (let [id, missing] = [1, 0]; missing < 30; id += 1) {
    const answer = await fetch(`${addresses.registryUrl}/schemas/ids/${id}`);
    missing = answer.ok ? 0 : missing + 1;
    if (answer.ok) schemas.set(id, ((await answer.json()) as { schema: string }).schema);
  }
  return schemas;
}

const typeOf = (schema: string): avro.Type => avro.Type.forSchema(JSON.parse(schema), { wrapUnions: false });

/** Reads values by their writer schema as those of a reader of the file in `schemas/`: fields added since have their defaults. */
export function valueReader(schemas: ReadonlyMap<number, string>, file: string): (value: Buffer) => unknown {
  const reader = typeOf(readFileSync(join(__dirname, '../../schemas', `${file}.avsc`), 'utf8'));
  const resolvers = new Map<number, ReturnType<avro.Type['createResolver']>>();
  return (value) => {
    const id = value.readInt32BE(1);
    const resolver = resolvers.get(id) ?? reader.createResolver(typeOf(schemas.get(id) ?? ''));
    resolvers.set(id, resolver);
    return JSON.parse(JSON.stringify(reader.fromBuffer(value.subarray(5), resolver)));
  };
}
