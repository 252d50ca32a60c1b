/**
 * The schema registry as the service sees it. All methods throw `registry-unavailable` when it does not answer, or
 * answers what no registry should (5xx, 429, a body that is not its own); `access-refused` where it does not let us in;
 * `tls-failed`.
 */
export interface SchemaRegistry {
  /** The Avro schema (JSON text) of an id, or null where the registry says that it has no such id. */
  schemaById(id: number): Promise<string | null>;
  /** The id under which exactly this schema is registered for the subject, or null. */
  idOf(subject: string, schema: string): Promise<number | null>;
}

export type Compatibility = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** What set-up needs beyond reading. */
export interface SchemaRegistrar extends SchemaRegistry {
  /** The subject's own level, or null where it has none. */
  compatibility(subject: string): Promise<string | null>;
  setCompatibility(subject: string, level: Compatibility): Promise<void>;
  /** Registers a version; gives its id, or what the registry holds against it. */
  register(subject: string, schema: string): Promise<{ id: number } | { incompatible: string }>;
}
