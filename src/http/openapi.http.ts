import type { z } from 'zod';
import { SESSION_COOKIE } from './access';
import { COMPONENTS, type ComponentName } from './answers.http';
import { componentsOf, type JsonSchema, jsonSchemaOf, referenceTo } from './json-schema.http';
import { type Operation, OPERATIONS } from './operations.http';

const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is invalid; the message names the error.',
  401: 'A token is required.',
  404: 'Not found.',
  503: 'A dependency does not answer; the message names it and since when.',
};

const json = (schema: JsonSchema) => ({ 'application/json': { schema } });
const component = (name: ComponentName) => json({ $ref: referenceTo(name) });

/** The API as OpenAPI 3.1, made from the schemas that validate its requests and describe its responses. */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = (paths[operation.path] ??= {});
    path[operation.method.toLowerCase()] = { operationId, ...describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Email Feedback Service',
      version,
      description: 'Live delivery KPIs, and the status of every message.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }, {}],
    paths,
    components: {
      schemas: componentsOf(COMPONENTS),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
      },
    },
  };
}

function describe(operation: Operation): object {
  const { summary, params, query, body, isOpen } = operation;
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query)];
  return {
    summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(jsonSchemaOf(body)) } }),
    ...(isOpen === true ? { security: [{}] } : {}),
    responses: responsesOf(operation),
  };
}

function parametersOf(place: 'path' | 'query', parameters: z.ZodObject | undefined): object[] {
  return Object.entries(parameters?.shape ?? {}).map(([name, parameter]) => {
    const { description, ...schema } = jsonSchemaOf(parameter as z.ZodType);
    return { name, in: place, required: place === 'path', description, schema };
  });
}

function responsesOf({ answer, media = [], isOpen, errors = [], method }: Operation): object {
  const others = Object.fromEntries(media.map((type) => [type, { schema: { type: 'string' } }]));
  const content = answer === undefined ? others : { ...component(answer), ...others };
  const failed = [400, ...(isOpen === true && method !== 'POST' ? [] : [401]), ...errors];
  const success =
    method === 'DELETE'
      ? { 204: { description: 'Done.' } }
      : { 200: { description: 'OK.', ...(Object.keys(content).length > 0 ? { content } : {}) } };
  return {
    ...success,
    ...Object.fromEntries(
      failed.map((code) => [code, { description: ERRORS[code], content: component('Error') }]),
    ),
  };
}
