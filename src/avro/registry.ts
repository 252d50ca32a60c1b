import type { Type } from 'avsc';

/**
 * The schema registry. All methods throw `registry-unavailable` when it does not answer, or answers with an error or an
 * unexpected body (5xx, 429, a body that is not the registry's); `access-refused` where it refuses access; `tls-failed`.
 */
export interface SchemaRegistry {
  /** The writer schema of an id, or null where the registry answers that it has no such id. */
  schemaById(id: number): Promise<WriterSchema | null>;
  /** The id under which exactly this schema is registered for the subject, or null. */
  idOf(subject: string, schema: string): Promise<number | null>;
}

/**
 * The type of a schema as `parseWriterSchema` makes it, with the schemas that it refers to; `unreadable` where it is not
 * an Avro schema, or refers to a schema that the registry does not have.
 */
export type WriterSchema = Type | 'unreadable';

export type Compatibility = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** The operations that set-up needs beyond reading. */
export interface SchemaRegistrar extends SchemaRegistry {
  /** The subject's own level, or null where it has none. */
  compatibility(subject: string): Promise<string | null>;
  /** Why the registry would reject a version, by the subject's level and versions; null where it would not, or does not tell. */
  rejection(subject: string, schema: string): Promise<string | null>;
  setCompatibility(subject: string, level: Compatibility): Promise<void>;
  /** Registers a version; returns its id, or the registry's reason for rejecting it. */
  register(subject: string, schema: string): Promise<{ id: number } | { incompatible: string }>;
}
