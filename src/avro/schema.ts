import { Type, types } from 'avsc';

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

/** Bounds of a writer's schema. Reading a value costs time for each field, also for fields that take no bytes. */
const MAX_FIELDS = 1_000;
const MAX_LEVELS = 64;

/** Which bound a writer's schema exceeds, or null. A named type counts once, however often it is used. */
export function boundExceeded(schema: Type): string | null {
  const seen = new Set<Type>();
  let level: readonly Type[] = [schema];
  let fields = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_LEVELS) return `it is nested deeper than ${MAX_LEVELS} levels`;
    const inner: Type[] = [];
    for (const type of level) {
      if (seen.has(type)) continue;
      seen.add(type);
      if (type instanceof types.RecordType) fields += type.fields.length;
      if (fields > MAX_FIELDS) return `it has more than ${MAX_FIELDS} fields`;
      inner.push(...typesIn(type));
    }
    level = inner;
  }
  return null;
}

function typesIn(type: Type): readonly Type[] {
  if (type instanceof types.RecordType) return type.fields.map((field) => field.type);
  if (type instanceof types.ArrayType) return [type.itemsType];
  if (type instanceof types.MapType) return [type.valuesType as Type];
  const isUnion = type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType;
  return isUnion ? type.types : [];
}
