import type { SchemaRegistry } from '../feedback/registry';
import type { Retry } from './retry';

/** A registry that waits until it answers. */
export function patientRegistry(registry: SchemaRegistry, retry: Retry): SchemaRegistry {
  return {
    schemaById: (id) => retry(() => registry.schemaById(id)),
    idOf: (subject, schema) => retry(() => registry.idOf(subject, schema)),
  };
}
