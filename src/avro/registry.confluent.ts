import { once } from 'node:events';
import type { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Type } from 'avsc';
import { assert } from '../base/assert';
import { EfsError } from '../base/errors';
import { exchange, type ExchangeOptions, type Question, reasonOf, Refusal } from './exchange.confluent';
import type { SchemaRegistrar } from './registry';
import { WRITER_OPTIONS } from './schema';

export interface ConfluentRegistryOptions extends Partial<ExchangeOptions> {
  /** Base of a Confluent-compatible API. A path is kept; user and password become basic authentication. */
  readonly url: string;
  /** A call that takes longer than this, with all its requests, counts as unanswered. */
  readonly timeoutMs: number;
}

/** Sends one request; gives the body of a good answer, throws as `Exchange` does. */
type Ask = (question: Question) => Promise<Readonly<Record<string, unknown>>>;

type Middleware = NonNullable<ConstructorParameters<typeof Client>[0]['middlewares']>[number];
type Response = Awaited<ReturnType<NonNullable<ReturnType<Middleware>['response']>>>;

const AVRO = 'AVRO' as SchemaType.AVRO;

/** What good answers have, by the client's names for its requests. */
const WANTS: Readonly<Record<string, Question['wants']>> = {
  find: 'schema',
  version: 'schema',
  registered: 'id',
  register: 'id',
  config: 'compatibilityLevel',
};

/**
 * The registry through `@kafkajs/confluent-schema-registry`, which is loaded at the first call. The client decides what
 * is asked and assembles schemas; `exchange` carries its requests (docs/decisions/0003-registry-client.md).
 */
export function confluentRegistry({ url, timeoutMs, ...how }: ConfluentRegistryOptions): SchemaRegistrar {
  const { base, login } = target(url);
  const send = exchange({ ...how, authorization: () => how.authorization?.() ?? login });

  /** One call of the contract: a deadline over all its requests, and a client whose unbounded cache ends with it. */
  const call = async <T>(use: (client: Client, ask: Ask) => Promise<T>): Promise<T> => {
    const { SchemaRegistry } = await import('@kafkajs/confluent-schema-registry');
    const signal = AbortSignal.timeout(timeoutMs);
    const ask: Ask = (question) => send(question, signal);
    const client = new SchemaRegistry(
      { host: base, middlewares: [carriedBy(ask)] },
      { forSchemaOptions: WRITER_OPTIONS },
    );
    // The signal ends the requests; the race ends the wait, whatever the client makes of that.
    const late = once(signal, 'abort').then(() => Promise.reject<never>(signal.reason));
    return Promise.race([use(client, ask), late]).catch((cause: unknown) => {
      if (cause instanceof EfsError) throw cause;
      // Also what the client makes no sense of: no registry answers so.
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
      const missing = noWriter(`${base}/schemas/ids/${id}`);
      const schema = await call((client) => client.getSchema(id).catch(missing));
      if (schema === null || schema === 'unreadable') return schema;
      // Reading goes by avsc's classes: with another copy of them every record would look wrong.
      assert(schema instanceof Type, 'the registry client and this service use one avsc');
      return schema;
    },
    idOf: (subject, schema) =>
      call((client) => client.getRegistryIdBySchema(subject, { type: AVRO, schema }).catch(absent)),
    compatibility: (subject) => call((_, ask) => levelOf(subject, ask)),
    setCompatibility: (subject, compatibility) =>
      call(async (_, ask) => {
        const body = JSON.stringify({ compatibility });
        await ask({ method: 'PUT', url: config(subject), body, wants: null });
      }),
    register: (subject, schema) =>
      call(async (client, ask) => {
        // Given the level that the subject has, undefined for none, the client sets none: its default would be BACKWARD.
        const compatibility = ((await levelOf(subject, ask)) ?? undefined) as COMPATIBILITY;
        return client.register({ type: AVRO, schema }, { subject, compatibility }).catch(refused);
      }),
  };
}

/** Splits the address into what is asked, which messages quote, and what is kept to ourselves: user and password. */
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
 * Carries the client's requests in place of its own exchange, which waits without end where a connection breaks off in
 * the middle of an answer, and where an error's body is `null` rejects a promise that nobody holds.
 */
const carriedBy =
  (ask: Ask): Middleware =>
  ({ resourceMethod }) => ({
    async response(_next, _renew, request) {
      const [method, body] = [request.method().toUpperCase(), request.body() as string | undefined];
      const wants = WANTS[resourceMethod] ?? null;
      const answer = await ask({ method, url: request.url(), body: body ?? null, wants });
      const language = answer['schemaType'] ?? AVRO;
      // The client would compile it.
      if (language !== AVRO) throw new OtherLanguage(`a schema in ${String(language)}`);
      // All that the client reads of an answer is this.
      return { data: () => ({ ...answer, schemaType: AVRO }) } as unknown as Response;
    },
  });

class OtherLanguage extends Error {}

/** The client's errors, whose classes it does not export. */
const isOfClient = (error: unknown, kind: '' | 'Argument' | 'Compatibility'): error is Error =>
  error instanceof Error && error.name === `ConfluentSchemaRegistry${kind}Error`;

/** Null where the registry says that it has no such thing; the client says it in its own words. */
function absent(error: unknown): null {
  if (error instanceof Refusal && error.status === 404) return null;
  if (isOfClient(error, '')) return null;
  throw error;
}

/** Why there is no type of a schema: it is not there, or no Avro, or refers to one that is not there. */
const noWriter =
  (url: string) =>
  (error: unknown): 'unreadable' | null => {
    if (error instanceof OtherLanguage || isOfClient(error, 'Argument')) return 'unreadable';
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    return error.url === url ? null : 'unreadable';
  };

/** What the registry, or the client before it is asked, has against a schema. */
function refused(error: unknown): { incompatible: string } {
  const isRefused = error instanceof Refusal && error.status !== 404;
  if (!isRefused && !isOfClient(error, 'Argument') && !isOfClient(error, 'Compatibility')) throw error;
  return { incompatible: error.message };
}
