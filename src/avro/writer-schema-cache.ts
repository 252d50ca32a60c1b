import type { Clock } from '../base/clock';
import { boundedCache } from '../base/bounded-cache';
import type { SchemaRegistry, WriterSchema } from './registry';

/** Prepared writer schemas by their id in the registry. */
export interface WriterSchemaCache<T> {
  /** Null where the registry has no such id, undefined where only `fetch` can answer. */
  known(id: number): T | null | undefined;
  /** Requests the id from the registry; concurrent calls share a request. Throws `registry-unavailable`; it is not cached. */
  fetch(id: number): Promise<T | null>;
}

export interface WriterSchemaCacheOptions<T> {
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  /** Called once per id with its schema. Its result is cached; an id never changes its schema. */
  readonly prepare: (schema: WriterSchema) => T;
}

const MAX_KNOWN = 1_000;
const MAX_UNKNOWN = 10_000;
/** How long the absence of an id is cached. */
const UNKNOWN_FOR_MS = 30_000;

/** A bounded cache of writer schemas in front of the registry. */
export function writerSchemaCache<T>({
  registry,
  clock,
  prepare,
}: WriterSchemaCacheOptions<T>): WriterSchemaCache<T> {
  const known = boundedCache<T, number>(MAX_KNOWN);
  /** Until when, by `clock.monotonic`. */
  const unknown = boundedCache<number, number>(MAX_UNKNOWN);
  const inFlight = new Map<number, Promise<T | null>>();

  const ask = async (id: number): Promise<T | null> => {
    const schema = await registry.schemaById(id);
    if (schema === null) {
      unknown.put(id, clock.monotonic() + UNKNOWN_FOR_MS);
      return null;
    }
    const value = prepare(schema);
    known.put(id, value);
    return value;
  };

  return {
    known(id) {
      const value = known.get(id);
      if (value !== null) return value;
      const until = unknown.get(id);
      return until !== null && clock.monotonic() < until ? null : undefined;
    },
    fetch(id) {
      const request = inFlight.get(id) ?? ask(id).finally(() => inFlight.delete(id));
      inFlight.set(id, request);
      return request;
    },
  };
}
