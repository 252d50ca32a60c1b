import { z } from 'zod';

/** A JSON Schema (2020-12) that describes a part of the API. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

const OPTIONS = {
  // OpenAPI 3.1 has a dialect of its own, so no draft is named in the schemas.
  target: 'openapi-3.1',
  // What a client sends or receives; a field with a default may be left out.
  io: 'input',
  /** Removes what zod adds to a schema on its own: the pattern of every date-time, and the range of safe integers. */
  override({ jsonSchema }) {
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  },
} as const satisfies z.core.ToJSONSchemaParams;

export const jsonSchemaOf = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, OPTIONS);

/** How one component is referred to from anywhere in the description. */
export const referenceTo = (component: string): string => `#/components/schemas/${component}`;

/** The schemas by their names; where one contains another, it refers to it. */
export function componentsOf(schemas: Readonly<Record<string, z.ZodType>>): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const components = z.toJSONSchema(registry, { ...OPTIONS, uri: referenceTo }).schemas;
  // An id must not be a reference into the same document.
  for (const component of Object.values(components)) delete component.$id;
  return components;
}
