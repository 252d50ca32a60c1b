import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import { DeliveryId, MessageId } from '../base/ids';
import { iso } from '../base/time';
import { isAuthorized, openSession, sameSecret, SESSION_COOKIE } from './access';
import { type LogFilter, readLog, readLogPage } from '../queries/delivery-log';
import { type ExportFormat, EXPORTS, exportFormat, exportLog } from '../queries/export';
import { activeManifest, lookUpMessage } from '../queries/lookup';
import { openApi } from './openapi';
import { type Operation, type OperationId, OPERATIONS } from './operations';
import { serveStream } from './stream.http';
import { type DeliveryQuery, listDeliveries } from '../queries/delivery-view';
import type { Queries } from '../queries/queries';

export interface ApiOptions {
  readonly queries: Queries;
  readonly version: string;
  /** Empty: no token is required. */
  readonly token: string;
  /** Wall-clock time, by which sessions expire. The service's own clock may run faster. */
  readonly timeOfDay: Pick<Clock, 'now'>;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;
type Handlers = { readonly [Id in OperationId]: Handler };

/** Adds the routes of the API. Requests are validated by the schemas that describe them. */
export function addApi(server: FastifyInstance, options: ApiOptions): void {
  const handlers: Handlers = {
    ...figures(options.queries),
    ...messages(options.queries),
    ...internals(options),
    ...sessions(options),
    getDescription: () => openApi(options.version),
  };
  for (const [id, operation] of Object.entries<Operation>(OPERATIONS)) {
    const { method, path, params, query, body, isOpen } = operation;
    server.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ':$1'),
      schema: {
        ...(params && { params }),
        querystring: query ?? { type: 'object', additionalProperties: false },
        ...(body && { body }),
      },
      onRequest: isOpen === true ? [] : [authorized(options)],
      handler: handlers[id as OperationId],
    });
  }
}

/** Rejects requests without the token, where one is configured. */
function authorized({ token, timeOfDay }: ApiOptions) {
  return async ({ headers }: FastifyRequest): Promise<void> => {
    if (token !== '' && !isAuthorized(token, headers, timeOfDay.now()))
      throw new EfsError('not-authorized', 'a valid token is required');
  };
}

/** The delivery in a request's path. Throws `not-found` where no KPIs of it were published. */
function deliveryIn({ view }: Queries, request: FastifyRequest) {
  const { deliveryId } = request.params as { deliveryId: string };
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

function figures(queries: Queries) {
  const { view, feed } = queries;
  const subscription = (request: FastifyRequest, deliveryId: string | null) => {
    const { lastEventId, snapshot } = request.query as { lastEventId?: string; snapshot: string };
    const header = request.headers['last-event-id'];
    const last = lastEventId ?? (Array.isArray(header) ? header[0] : header) ?? null;
    return { deliveryId, lastEventId: last, snapshot: snapshot === 'on' };
  };
  return {
    listDeliveries: (request) => {
      const query = request.query as DeliveryQuery;
      const page = listDeliveries(view.deliveries(), { ...query, policy: query.policy ?? null });
      return { ...page, at: iso(queries.clock.now()), stale: queries.stale() };
    },
    getDelivery: (request) => ({ ...deliveryIn(queries, request), stale: queries.stale() }),
    streamDeliveries: (request, reply) => serveStream(feed, reply, subscription(request, null)),
    streamDelivery: (request, reply) =>
      serveStream(feed, reply, subscription(request, deliveryIn(queries, request).deliveryId)),
  } satisfies Partial<Handlers>;
}

interface LogQuery extends Partial<LogFilter> {
  readonly limit: number;
  readonly cursor?: string;
  readonly format?: string;
}

/** Concurrent exports of delivery logs: each reads as fast as its client receives. */
const EXPORTS_MAX = 4;

function messages(queries: Queries) {
  let exporting = 0;
  const exported = async (reply: FastifyReply, id: DeliveryId, filter: LogFilter, format: ExportFormat) => {
    if (exporting >= EXPORTS_MAX)
      throw new EfsError(
        'too-many-readers',
        `${exporting} delivery logs are being exported, which is the maximum`,
      );
    const state = queries.state();
    const manifest = await activeManifest(state);
    const lines = exportLog(readLog(state, manifest, id, filter), format);
    // Errors must be thrown before the response begins.
    const first = await lines.next();
    exporting += 1;
    const body = Readable.from(withFirst(first, lines)).once('close', () => (exporting -= 1));
    const name = encodeURIComponent(`${id}.${format}`);
    reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`);
    return reply.type(EXPORTS[format]).send(body);
  };
  return {
    listMessages: async (request, reply) => {
      const { limit, cursor, format, status, reason, domainGroup } = request.query as LogQuery;
      const id = DeliveryId(deliveryIn(queries, request).deliveryId);
      const filter = { status: status ?? null, reason: reason ?? null, domainGroup: domainGroup ?? null };
      const form = exportFormat(format, request.headers.accept);
      if (form !== null) return exported(reply, id, filter, form);
      const state = queries.state();
      return readLogPage(state, await activeManifest(state), id, { filter, limit, cursor: cursor ?? null });
    },
    getMessage: async (request) => {
      const { deliveryId, messageId } = request.params as { deliveryId: string; messageId: string };
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
    listDeadLetters: async (request) => {
      const { limit, cursor } = request.query as { limit: number; cursor?: string };
      if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
        throw new EfsError('request-invalid', 'invalid cursor');
      const before = cursor === undefined ? null : Number(cursor);
      const page = deadLetters.page({ limit, before });
      const letters = page.letters.map(async ({ key, value, detail, timestamp, ...letter }) => ({
        ...letter,
        detail: queries.show(detail),
        at: iso(timestamp),
        key: key === null ? null : queries.show(key.toString('utf8')),
        preview: await queries.peek(value),
      }));
      return {
        letters: await Promise.all(letters),
        cursor: page.cursor === null ? null : String(page.cursor),
        byReason: deadLetters.byReason(),
        total: deadLetters.total(),
      };
    },
    getHealth: () => {
      const reasons = health.openReasons().map(({ since, ...each }) => ({ ...each, since: iso(since) }));
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
      const given = (request.body as { token: string }).token;
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
