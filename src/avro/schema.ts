import { Type } from 'avsc';

/**
 * The type of a schema under this service's conventions: unions unwrapped, logical types ignored. Writer and reader
 * must be made alike. Throws where the text is no Avro schema.
 */
export function parseSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), { wrapUnions: false, omitRecordMethods: true });
}

/**
 * How the type of a schema is made that someone else wrote with: for walking through, not for reading values. Takes every
 * union. To be copied: avsc keeps in it the names that it has met.
 */
export const WRITER_OPTIONS = Object.freeze({ wrapUnions: true, omitRecordMethods: true });

/** The type of such a schema. Throws where the text is no Avro schema. */
export function parseWriterSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), { ...WRITER_OPTIONS });
}
