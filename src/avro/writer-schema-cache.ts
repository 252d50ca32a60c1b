import type { Clock } from '../base/clock';
import type { SchemaRegistry, WriterSchema } from './registry';

/** What is known of the schemas that records were written with, by their id in the registry. */
export interface Writers<T> {
  /** Null where the registry has no such id, undefined where `fetch` must be asked. */
  known(id: number): T | null | undefined;
  /**
   * Asks the registry, once however many ask at the same time. Throws `registry-unavailable`, which is not remembered.
   */
  fetch(id: number): Promise<T | null>;
}

export interface WritersOptions<T> {
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  /** Called once per id with its schema. What it gives is kept; an id never changes its meaning. */
  readonly prepare: (schema: WriterSchema) => T;
}

const MAX_KNOWN = 1_000;
const MAX_UNKNOWN = 10_000;
/** How long the registry is not asked again for an id that it does not have. */
const UNKNOWN_FOR_MS = 30_000;

/** A memory of writer schemas in front of the registry, of bounded size. */
export function writers<T>({ registry, clock, prepare }: WritersOptions<T>): Writers<T> {
  const known = new Map<number, T>();
  /** Until when, by `clock.monotonic`. */
  const unknown = new Map<number, number>();
  const flights = new Map<number, Promise<T | null>>();

  const ask = async (id: number): Promise<T | null> => {
    const schema = await registry.schemaById(id);
    if (schema === null) {
      remember(unknown, id, clock.monotonic() + UNKNOWN_FOR_MS, MAX_UNKNOWN);
      return null;
    }
    const value = prepare(schema);
    remember(known, id, value, MAX_KNOWN);
    return value;
  };

  return {
    known(id) {
      const value = known.get(id);
      if (value !== undefined) return value;
      const until = unknown.get(id);
      return until !== undefined && clock.monotonic() < until ? null : undefined;
    },
    fetch(id) {
      const flight = flights.get(id) ?? ask(id).finally(() => flights.delete(id));
      flights.set(id, flight);
      return flight;
    },
  };
}

/** Sets an entry as the newest; forgets the oldest where there are too many. */
function remember<V>(map: Map<number, V>, id: number, value: V, capacity: number): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= capacity) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
