import { type ForSchemaOptions, type Schema, Type, types } from 'avsc';

/**
 * The type of a schema under this service's conventions: unions unwrapped, logical types ignored. Writer and reader
 * must use the same options. Throws where the text is not an Avro schema.
 */
export function parseSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), { wrapUnions: false, omitRecordMethods: true });
}

/** The types that a schema object may define; a union is a list, and a reference a name. */
const TYPES = new Set([
  ...['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'],
  ...['array', 'map', 'record', 'error', 'enum', 'fixed'],
]);

/**
 * Options for the type of one foreign writer's schema: for inspection, not for reading values. They allow every union.
 * avsc adds the names that it finds to `registry`: a plain object would already have some, such as `constructor`.
 */
export const writerOptions = (): Partial<ForSchemaOptions> => ({
  wrapUnions: true,
  omitRecordMethods: true,
  registry: Object.create(null) as Record<string, Type>,
  typeHook: checked,
});

/** The type of a writer's schema. Throws where the text is not an Avro schema. */
export function parseWriterSchema(text: string): Type {
  return Type.forSchema(JSON.parse(text), writerOptions());
}

/**
 * Prepares each part of a writer's schema before avsc makes a type of it, whose result then counts: avsc takes the names
 * of `Object.prototype` for types, and builds defaults in full, which are exponentially larger than their text where
 * records contain each other. Defaults of a writer have no meaning: a reader's own count.
 */
function checked(schema: Schema): undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return;
  const { type, fields } = schema as { type?: unknown; fields?: unknown };
  if (typeof type === 'string' && !TYPES.has(type)) throw new Error(`unknown type: ${type}`);
  if (Array.isArray(fields)) for (const field of fields as { default?: unknown }[]) delete field.default;
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
