import * as avro from 'avsc';
import type { LogRecord } from '../../src/log/source';
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
  for (let partition = 0; partition < stage.partitions; partition += 1) {
    await stage.reader.read(stage.prefix + topic, partition, (record) => found.push(held(topic, record)));
  }
  return found;
}

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

/** Reads values with their writer schema. */
export function valueReader(schemas: ReadonlyMap<number, string>): (value: Buffer) => unknown {
  const types = new Map<number, avro.Type>();
  return (value) => {
    const id = value.readInt32BE(1);
    const known = types.get(id);
    const type = known ?? avro.Type.forSchema(JSON.parse(schemas.get(id) ?? ''), { wrapUnions: false });
    types.set(id, type);
    return JSON.parse(JSON.stringify(type.fromBuffer(value.subarray(5))));
  };
}
