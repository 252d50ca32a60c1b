import type { Type } from 'avsc';

/**
 * The schema registry as the service sees it. All methods throw `registry-unavailable` when it does not answer, or
 * answers what no registry should (5xx, 429, a body that is not its own); `access-refused` where it does not let us in;
 * `tls-failed`.
 */
export interface SchemaRegistry {
  /** What an id was written with, or null where the registry says that it has no such id. */
  schemaById(id: number): Promise<WriterSchema | null>;
  /** The id under which exactly this schema is registered for the subject, or null. */
  idOf(subject: string, schema: string): Promise<number | null>;
}

/**
 * The type of a schema as `parseWriterSchema` makes it, with the schemas that it refers to; `unreadable` where it is no
 * Avro schema, or refers to what the registry does not have.
 */
export type WriterSchema = Type | 'unreadable';

export type Compatibility = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** What set-up needs beyond reading. */
export interface SchemaRegistrar extends SchemaRegistry {
  /** The subject's own level, or null where it has none. */
  compatibility(subject: string): Promise<string | null>;
  setCompatibility(subject: string, level: Compatibility): Promise<void>;
  /** Registers a version; gives its id, or what the registry holds against it. */
  register(subject: string, schema: string): Promise<{ id: number } | { incompatible: string }>;
}
