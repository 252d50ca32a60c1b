import { Type } from 'avsc';

/**
 * The type of a schema under this service's conventions: unions unwrapped, logical types ignored. Writer and reader
 * must use the same options. Throws where the text is not an Avro schema.
 */
export function parseSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), { wrapUnions: false, omitRecordMethods: true });
}

/**
 * Options for the type of a foreign writer's schema: for inspection, not for reading values. They allow every union.
 * Callers copy them: avsc adds the names that it finds to the object.
 */
export const WRITER_OPTIONS = Object.freeze({ wrapUnions: true, omitRecordMethods: true });

/** The type of a writer's schema. Throws where the text is not an Avro schema. */
export function parseWriterSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), { ...WRITER_OPTIONS });
}
