import type { SchemaRegistry } from '../avro/registry';
import type { Store } from '../store/store';
import type { Retry } from './retry';

/** A registry that retries until it answers. */
export function registryWithRetry(registry: SchemaRegistry, retry: Retry): SchemaRegistry {
  return {
    schemaById: (id) => retry(() => registry.schemaById(id)),
    idOf: (subject, schema) => retry(() => registry.idOf(subject, schema)),
  };
}

/** The read operations of a store that are retried. */
export type ReadableStore = Pick<Store, 'load' | 'loadAt' | 'scan' | 'count'>;

/** A store whose reads are retried until it answers. */
export function withRetry(store: ReadableStore, retry: Retry): ReadableStore {
  return {
    load: (task, reads) => retry(() => store.load(task, reads)),
    loadAt: (task, reads) => retry(() => store.loadAt(task, reads)),
    count: (task, read, hashes) => retry(() => store.count(task, read, hashes)),
    scan: (task, hash, cursor) => retry(() => store.scan(task, hash, cursor)),
  };
}
