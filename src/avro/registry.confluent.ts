import { once } from 'node:events';
import type { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Type } from 'avsc';
import { assert } from '../base/assert';
import { EfsError } from '../base/errors';
import {
  exchange,
  type ExchangeOptions,
  reasonOf,
  Refusal,
  type RegistryRequest,
} from './exchange.confluent';
import type { SchemaRegistrar } from './registry';
import { writerOptions } from './schema';

export interface ConfluentRegistryOptions extends Partial<ExchangeOptions> {
  /** Base of a Confluent-compatible API. A path is kept; user and password become basic authentication. */
  readonly url: string;
  /** A call counts as unanswered where it takes longer, with all its requests. */
  readonly timeoutMs: number;
}

/** Sends one request; returns the body of a successful answer, throws as `Exchange` does. */
type Ask = (request: RegistryRequest) => Promise<Readonly<Record<string, unknown>>>;

type Middleware = NonNullable<ConstructorParameters<typeof Client>[0]['middlewares']>[number];
type Response = Awaited<ReturnType<NonNullable<ReturnType<Middleware>['response']>>>;

const AVRO = 'AVRO' as SchemaType.AVRO;

/** The field that a successful answer must have, by the client's names for its requests. */
const WANTS: Readonly<Record<string, RegistryRequest['wants']>> = {
  find: 'schema',
  version: 'schema',
  registered: 'id',
  register: 'id',
  config: 'compatibilityLevel',
};

/**
 * The registry through `@kafkajs/confluent-schema-registry`, which is loaded at the first call. The client decides what
 * to request and assembles schemas; `exchange` sends its requests (docs/decisions/0003-registry-client.md).
 */
export function confluentRegistry({ url, timeoutMs, ...how }: ConfluentRegistryOptions): SchemaRegistrar {
  const { base, login } = target(url);
  const send = exchange({ ...how, authorization: () => how.authorization?.() ?? login });

  /** One call of the contract: a deadline over all its requests, and a client whose unbounded cache ends with it. */
  const call = async <T>(use: (client: Client, ask: Ask) => Promise<T>): Promise<T> => {
    const { SchemaRegistry } = await import('@kafkajs/confluent-schema-registry');
    const signal = AbortSignal.timeout(timeoutMs);
    const ask: Ask = (asked) => send(asked, signal);
    const client = new SchemaRegistry(
      { host: base, middlewares: [sentBy(ask)] },
      { forSchemaOptions: writerOptions() },
    );
    // The signal ends the requests; the race ends the wait, whatever the client does with the abort.
    const timedOut = once(signal, 'abort').then(() => Promise.reject<never>(signal.reason));
    return Promise.race([use(client, ask), timedOut]).catch((cause: unknown) => {
      if (cause instanceof EfsError) throw cause;
      // Also an answer that the client cannot parse: it is not a registry's.
      throw new EfsError('registry-unavailable', `${base}: ${reasonOf(cause)}`, { cause });
    });
  };

  const config = (subject: string): string => `${base}/config/${encodeURIComponent(subject)}`;
  const levelOf = (subject: string, ask: Ask): Promise<string | null> =>
    ask({ method: 'GET', url: config(subject), body: null, wants: 'compatibilityLevel' }).then(
      ({ compatibilityLevel }) => compatibilityLevel as string,
      absent,
    );

  return {
    async schemaById(id) {
      const onError = missingWriter(`${base}/schemas/ids/${id}`);
      const schema = await call((client) => client.getSchema(id).catch(onError));
      if (schema === null || schema === 'unreadable') return schema;
      // Resolution tests avsc's classes: with a second copy of them every record would fail.
      assert(schema instanceof Type, 'the registry client and this service use one avsc');
      return schema;
    },
    idOf: (subject, schema) =>
      call((client) => client.getRegistryIdBySchema(subject, { type: AVRO, schema }).catch(absent)),
    compatibility: (subject) => call((_, ask) => levelOf(subject, ask)),
    rejection: (subject, schema) =>
      call(async (_, ask) => {
        const url = `${base}/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`;
        const body = JSON.stringify({ schema, schemaType: AVRO });
        const answer = await ask({ method: 'POST', url, body, wants: null }).catch(absent);
        if (answer?.['is_compatible'] !== false) return null;
        const messages = answer['messages'];
        return Array.isArray(messages) && messages.length > 0 ? messages.join('; ') : 'by its level';
      }),
    setCompatibility: (subject, compatibility) =>
      call(async (_, ask) => {
        const body = JSON.stringify({ compatibility });
        await ask({ method: 'PUT', url: config(subject), body, wants: null });
      }),
    register: (subject, schema) =>
      call(async (client, ask) => {
        // With the subject's own level, or undefined, the client sets no level; its default would be BACKWARD.
        const compatibility = ((await levelOf(subject, ask)) ?? undefined) as COMPATIBILITY;
        return client.register({ type: AVRO, schema }, { subject, compatibility }).catch(refused);
      }),
  };
}

/** Splits the address into the base URL, which messages quote, and the credentials, which they do not. */
function target(address: string): { base: string; login: string | null } {
  const url = new URL(address);
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  if (url.username === '' && url.password === '') return { base, login: null };
  return { base, login: basic(decodeURIComponent(url.username), decodeURIComponent(url.password)) };
}

/** The value of `authorization` for a user. */
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;

/**
 * Sends the client's requests in place of its own transport, which waits without end where a connection breaks off in
 * the middle of an answer, and causes an unhandled rejection where an error's body is `null`.
 */
const sentBy =
  (ask: Ask): Middleware =>
  ({ resourceMethod }) => ({
    async response(_next, _renew, request) {
      const [method, body] = [request.method().toUpperCase(), request.body() as string | undefined];
      const wants = WANTS[resourceMethod] ?? null;
      const answer = await ask({ method, url: request.url(), body: body ?? null, wants });
      const language = answer['schemaType'] ?? AVRO;
      // The client would compile it.
      if (language !== AVRO) throw new OtherLanguage(`a schema in ${String(language)}`);
      // The client reads only `data` of an answer.
      return { data: () => ({ ...answer, schemaType: AVRO }) } as unknown as Response;
    },
  });

class OtherLanguage extends Error {}

/** The client's errors, whose classes it does not export. */
const isOfClient = (error: unknown, kind: '' | 'Argument' | 'Compatibility'): error is Error =>
  error instanceof Error && error.name === `ConfluentSchemaRegistry${kind}Error`;

/** Null where the registry does not have the subject or version; the client has an error of its own for it. */
function absent(error: unknown): null {
  if (error instanceof Refusal && error.status === 404) return null;
  if (isOfClient(error, '')) return null;
  throw error;
}

/** Why a schema has no type: it does not exist, is not Avro, or refers to a schema that does not exist. */
const missingWriter =
  (url: string) =>
  (error: unknown): 'unreadable' | null => {
    if (error instanceof OtherLanguage || isOfClient(error, 'Argument')) return 'unreadable';
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    return error.url === url ? null : 'unreadable';
  };

/** The reason for which the registry, or the client before it sends the request, rejects a schema. */
function refused(error: unknown): { incompatible: string } {
  const isRefused = error instanceof Refusal && error.status !== 404;
  if (!isRefused && !isOfClient(error, 'Argument') && !isOfClient(error, 'Compatibility')) throw error;
  return { incompatible: error.message };
}
