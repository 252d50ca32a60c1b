import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandler } from 'fastify';
import { z } from 'zod';
import { type Clock, systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { DeliveryId, MessageId } from '../base/ids';
import { iso } from '../base/time';
import { type Bounds, networkOf, places, type Turns, turns } from './budget.http';
import { isAuthorized, openSession, sameSecret, SESSION_COOKIE } from './access';
import { type LogFilter, readLog, readLogPage } from '../queries/delivery-log';
import { type ExportFormat, EXPORTS, exportFormat, exportLog } from '../queries/export';
import { activeManifest, lookUpMessage } from '../queries/lookup';
import type { ComponentName, COMPONENTS } from './answers.http';
import { jsonSchemaOf } from './json-schema.http';
import { openApi } from './openapi.http';
import { type Operation, type OperationId, OPERATIONS } from './operations.http';
import { serveStream } from './stream.http';
import { listDeliveries } from '../queries/delivery-view';
import type { Subscription } from '../queries/feed';
import type { Queries } from '../queries/queries';

export interface ApiOptions {
  readonly queries: Queries;
  readonly version: string;
  /** Empty: no token is required. */
  readonly token: string;
  /** Wall-clock time, by which sessions expire. The service's own clock may run faster. */
  readonly timeOfDay: Pick<Clock, 'now'>;
}

type Operations = typeof OPERATIONS;

/** A part of a request after its validation; defaults are filled in. */
type Part<O, Name extends string> = O extends { readonly [N in Name]: infer S extends z.ZodType }
  ? z.output<S>
  : unknown;

/** A value that is only read. */
type Given<T> = { readonly [Key in keyof T]: Given<T[Key]> };

type Answer<O> = O extends { readonly answer: infer Name extends ComponentName }
  ? Given<z.output<(typeof COMPONENTS)[Name]>>
  : object;

type Request<O> = FastifyRequest<{
  Params: Part<O, 'params'>;
  Querystring: Part<O, 'query'>;
  Body: Part<O, 'body'>;
}>;

/** Answers an operation: takes what its schemas accept, and returns what the schema of its answer gives, or a stream. */
type Handler<O> = (
  request: Request<O>,
  reply: FastifyReply,
) => Answer<O> | FastifyReply | Promise<Answer<O> | Readable>;

type Handlers = { readonly [Id in OperationId]: Handler<Operations[Id]> };

const NO_QUERY = z.strictObject({});

/** Adds the routes of the API. Requests are validated by the schemas that describe them. */
export function addApi(server: FastifyInstance, options: ApiOptions, bounds: Bounds): void {
  const description = openApi(options.version);
  const handlers: Handlers = {
    ...figures(options.queries, bounds),
    ...messages(options.queries, bounds),
    ...internals(options),
    ...sessions(options),
    getDescription: () => description,
  };
  const turn = turns(bounds, systemClock);
  for (const [id, operation] of Object.entries<Operation>(OPERATIONS)) {
    const { method, path, params, query = NO_QUERY, body, isOpen, media } = operation;
    server.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ':$1'),
      // Without a body a stream would have no end, and an export would be read for nothing.
      exposeHeadRoute: media === undefined,
      schema: {
        ...(params && { params: jsonSchemaOf(params) }),
        querystring: jsonSchemaOf(query),
        ...(body && { body: jsonSchemaOf(body) }),
      },
      onRequest: isOpen === true ? [] : [authorized(options)],
      handler: inTurn(turn, handlers[id as OperationId] as RouteHandler),
    });
  }
}

/**
 * Answers when the request's turn has come. A turn ends with the text of the answer, the making of which takes longest;
 * it includes no stream, which lasts as long as its client wants.
 */
function inTurn(turn: Turns, handler: RouteHandler): RouteHandler {
  return async function (request, reply) {
    const formed = (answer: unknown): unknown =>
      answer === reply || answer instanceof Readable ? answer : JSON.stringify(answer);
    const { answer } = await turn(networkOf(request.ip), () => {
      // The client has gone while its request was waiting.
      if (reply.raw.destroyed) return { answer: reply.hijack() };
      const given: unknown = handler.call(this, request, reply);
      // A reply is a promise, too: of its end.
      return given instanceof Promise
        ? given.then((each) => ({ answer: formed(each) }))
        : { answer: formed(given) };
    });
    if (answer === reply) return reply;
    if (typeof answer === 'string') reply.type('application/json; charset=utf-8');
    return reply.send(answer);
  };
}

/** Rejects requests without the token, where one is configured. */
function authorized({ token, timeOfDay }: ApiOptions) {
  return async ({ headers }: FastifyRequest): Promise<void> => {
    if (token !== '' && !isAuthorized(token, headers, timeOfDay.now()))
      throw new EfsError('not-authorized', 'a valid token is required');
  };
}

/** What a request names in its path; ids in the query replace those. */
function named<Ids extends object>(request: {
  readonly params: Ids;
  readonly query: { readonly [Name in keyof Ids]?: Ids[Name] | undefined };
}): Ids {
  const ids = Object.entries(request.params).map(([name, id]) => [
    name,
    request.query[name as keyof Ids] ?? (id as unknown),
  ]);
  return Object.fromEntries(ids) as Ids;
}

/** The delivery that a request names. Throws `not-found` where no KPIs of it were published. */
function deliveryIn({ view }: Queries, { deliveryId }: { readonly deliveryId: string }) {
  const delivery = view.get(deliveryId);
  if (delivery !== null) return delivery;
  const isGone = view.last(deliveryId) !== null;
  throw new EfsError(
    'not-found',
    isGone
      ? `delivery ${deliveryId} was removed, or is older than EFS_RETENTION; its last KPIs are in the topic`
      : `no KPIs of delivery ${deliveryId} have been published`,
  );
}

function figures(queries: Queries, bounds: Bounds) {
  const { view, feed } = queries;
  const streams = { feed, places: places(bounds.streams) };
  const subscription = (
    { query, headers }: Request<Operations['streamDeliveries']>,
    deliveryId: string | null,
  ): Subscription => {
    const { lastEventId, snapshot } = query;
    const header = headers['last-event-id'];
    const last = lastEventId ?? (Array.isArray(header) ? header[0] : header) ?? null;
    return { deliveryId, lastEventId: last, snapshot: snapshot === 'on' };
  };
  return {
    listDeliveries: ({ query }) => {
      const page = listDeliveries(view.deliveries(), { ...query, policy: query.policy ?? null });
      return { ...page, at: iso(queries.clock.now()), stale: queries.stale() };
    },
    getDelivery: (request) => ({ ...deliveryIn(queries, named(request)), stale: queries.stale() }),
    streamDeliveries: (request, reply) => serveStream(streams, reply, subscription(request, null)),
    streamDelivery: (request, reply) =>
      serveStream(streams, reply, subscription(request, deliveryIn(queries, named(request)).deliveryId)),
  } satisfies Partial<Handlers>;
}

function messages(queries: Queries, bounds: Bounds) {
  const exports = places(bounds.exports);
  const exported = async (reply: FastifyReply, id: DeliveryId, filter: LogFilter, format: ExportFormat) => {
    const leave = exports.take(networkOf(reply.request.ip));
    if (leave === null)
      throw new EfsError(
        'too-many-readers',
        'as many delivery logs are being exported as there may be, or half of them from here',
      );
    reply.raw.once('close', leave);
    const state = queries.state();
    const manifest = await activeManifest(state);
    const lines = exportLog(readLog(state, manifest, id, filter), format);
    // Errors must be thrown before the response begins.
    const body = Readable.from(withFirst(await lines.next(), lines));
    const name = encodeURIComponent(`${id}.${format}`);
    reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`);
    reply.type(EXPORTS[format]);
    return body;
  };
  return {
    listMessages: async (request, reply) => {
      const { query, headers } = request;
      const { limit, cursor, format, status, reason, domainGroup } = query;
      const id = DeliveryId(deliveryIn(queries, named(request)).deliveryId);
      const filter = { status: status ?? null, reason: reason ?? null, domainGroup: domainGroup ?? null };
      const form = exportFormat(format, headers.accept);
      if (form !== null) return exported(reply, id, filter, form);
      const state = queries.state();
      return readLogPage(state, await activeManifest(state), id, { filter, limit, cursor: cursor ?? null });
    },
    getMessage: async (request) => {
      const { deliveryId, messageId } = named(request);
      return lookUpMessage(queries.state(), DeliveryId(deliveryId), MessageId(messageId));
    },
  } satisfies Partial<Handlers>;
}

async function* withFirst(first: IteratorResult<string>, rest: AsyncGenerator<string>) {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

function internals({ queries, version }: ApiOptions) {
  const { deadLetters, health, feed, view } = queries;
  return {
    listTasks: async () => {
      const { at, ...found } = await queries.tasks();
      return { ...found, at: iso(at), stale: queries.stale() };
    },
    listDeadLetters: async ({ query: { limit, cursor } }) => {
      if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
        throw new EfsError('request-invalid', 'invalid cursor');
      const before = cursor === undefined ? null : Number(cursor);
      const page = deadLetters.page({ limit, before });
      const letters = page.letters.map(async ({ key, value, timestamp, ...letter }) => ({
        ...letter,
        detail: queries.showDetail(letter),
        at: iso(timestamp),
        key: key === null ? null : queries.show(key.toString('utf8')),
        preview: await queries.peek({ value, bytes: letter.bytes }),
      }));
      return {
        letters: await Promise.all(letters),
        cursor: page.cursor === null ? null : String(page.cursor),
        byReason: deadLetters.byReason(),
        total: deadLetters.total(),
      };
    },
    listSources: async () => {
      const { sources, letters, at, ...rest } = await queries.sources();
      return {
        ...rest,
        sources: sources.map(({ lastEventAt, since, ...source }) => ({
          ...source,
          lastEventAt: lastEventAt === null ? null : iso(lastEventAt),
          since: iso(since),
        })),
        letters: letters.map((each) => ({ ...each, detail: queries.show(each.detail), at: iso(each.at) })),
        at: iso(at),
      };
    },
    getHealth: () => {
      const reasons = health.reasons().map(({ since, ...each }) => ({ ...each, since: iso(since) }));
      return {
        ready: reasons.length === 0,
        failure: health.failure(),
        reasons,
        warnings: health.warnings(),
        version,
        startedAt: iso(queries.openedAt),
        at: iso(queries.clock.now()),
        deliveries: view.deliveries().length,
        readers: feed.readers(),
        recipientsShown: queries.showsRecipients,
      };
    },
  } satisfies Partial<Handlers>;
}

function sessions({ token, timeOfDay }: ApiOptions) {
  const cookie = (value: string, expiresAt: number, request: FastifyRequest): string => {
    const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
    const expires = new Date(expiresAt).toUTCString();
    return `${SESSION_COOKIE}=${value}; Path=/; Expires=${expires}; HttpOnly; SameSite=Strict${secure}`;
  };
  return {
    openSession: (request, reply) => {
      const given = request.body.token;
      if (token !== '' && !sameSecret(given, token))
        throw new EfsError('not-authorized', 'this is not the token of this service');
      const { value, expiresAt } = openSession(token, timeOfDay.now());
      reply.header('set-cookie', cookie(value, expiresAt, request));
      return { expiresAt: iso(expiresAt) };
    },
    closeSession: (request, reply) => {
      return reply
        .code(204)
        .header('set-cookie', cookie('', 0, request))
        .send();
    },
  } satisfies Partial<Handlers>;
}
