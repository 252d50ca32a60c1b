/** The subset of JSON Schema (2020-12) that describes the API. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly enum?: readonly (string | null)[];
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
  readonly $ref?: string;
}

/** An object with exactly these properties, all required. */
export function exactly(properties: Readonly<Record<string, JsonSchema>>, description = ''): JsonSchema {
  return {
    type: 'object',
    ...(description === '' ? {} : { description }),
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/** An object with any of these properties and no others. */
export function atMost(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false };
}

export const text = (description: string): JsonSchema => ({ type: 'string', description });
export const count = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description });
export const moment = (description: string): JsonSchema => ({
  type: 'string',
  format: 'date-time',
  description,
});
export const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const oneOf = (names: readonly string[], description: string): JsonSchema => ({
  type: 'string',
  enum: names,
  description,
});

/** The same, or null. */
export function orNull(schema: JsonSchema): JsonSchema {
  if (schema.$ref !== undefined) return { anyOf: [schema, { type: 'null' }] };
  const nullable = { ...schema, type: [schema.type as string, 'null'] };
  return schema.enum === undefined ? nullable : { ...nullable, enum: [...schema.enum, null] };
}

type Avro =
  | string
  | readonly Avro[]
  | {
      readonly type: Avro;
      readonly doc?: string;
      readonly symbols?: readonly string[];
      readonly values?: Avro;
      readonly fields?: readonly { readonly name: string; readonly type: Avro; readonly doc?: string }[];
    };

const PRIMITIVES: Readonly<Record<string, JsonSchema>> = {
  null: { type: 'null' },
  boolean: { type: 'boolean' },
  int: { type: 'integer' },
  long: { type: 'integer' },
  double: { type: 'number' },
  string: { type: 'string' },
};

/** The JSON form of an Avro schema without names that are used twice; `doc` becomes the description. */
export function jsonSchemaOf(avro: Avro, doc = ''): JsonSchema {
  const description = doc === '' ? {} : { description: doc };
  if (typeof avro === 'string') return { ...PRIMITIVES[avro], ...description };
  if (Array.isArray(avro)) {
    const [branch = 'null'] = (avro as readonly Avro[]).filter((each) => each !== 'null');
    return orNull(jsonSchemaOf(branch, doc));
  }
  const { type, symbols, values, fields } = avro as Exclude<Avro, string | readonly Avro[]>;
  if (symbols !== undefined) return { type: 'string', enum: symbols, ...description };
  if (values !== undefined)
    return { type: 'object', additionalProperties: jsonSchemaOf(values), ...description };
  if (fields === undefined) return jsonSchemaOf(type, doc);
  return exactly(
    Object.fromEntries(fields.map((field) => [field.name, jsonSchemaOf(field.type, field.doc)])),
    doc,
  );
}
