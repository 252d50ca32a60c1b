import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MINUTE_MS } from '../base/time';
import { BOUNDS } from '../http/budget.http';
import { probedServer, type RouteOptions } from '../http/server.http';
import {
  type Answer,
  type Door,
  type DoorBounds,
  type DoorSource,
  tooLarge,
  unavailable,
  wrongSecret,
} from './door';

export interface DoorRoutes extends Pick<RouteOptions, 'health' | 'metrics'> {
  readonly door: Door;
  readonly bounds: DoorBounds;
  /** By the name in the path. */
  readonly sources: ReadonlyMap<string, DoorSource>;
  /** Called with each answer to a request of a source. */
  onAnswer(source: string, status: number): void;
}

/** A body of the largest size may come over a slow line. */
const REQUEST_TIMEOUT_MS = MINUTE_MS;
const METHODS = 'GET, HEAD, POST, OPTIONS';

/** Why a body was not read to its end. */
type Unread = 'too-large' | 'no-room';

interface ReadBody {
  readonly body: Buffer;
  release(): void;
}

/** Reads a body that takes its bytes from what is held for all. */
function read(stream: NodeJS.ReadableStream, door: Door, maxBytes: number): Promise<ReadBody | Unread> {
  const chunks: Buffer[] = [];
  const releases: (() => void)[] = [];
  let bytes = 0;
  const release = (): void => releases.forEach((each) => each());
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off('data', take).off('end', end).off('error', fail).pause();
    };
    const refuse = (why: Unread): void => {
      stop();
      release();
      resolve(why);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) return refuse('too-large');
      const taken = door.held.take(chunk.length);
      if (taken === null) return refuse('no-room');
      releases.push(taken);
      chunks.push(chunk);
    };
    const end = (): void => {
      stop();
      resolve({ body: Buffer.concat(chunks), release });
    };
    const fail = (error: unknown): void => {
      stop();
      release();
      reject(error);
    };
    stream.on('data', take).on('end', end).on('error', fail).on('aborted', fail);
  });
}

/** The rest of a body that is not read is not waited for. */
const withoutRest = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, connection: 'close' },
});

/** The door's routes, not yet listening: `/in/SOURCE`, and those for machines. */
export function doorRoutes(options: DoorRoutes): FastifyInstance {
  const { bounds } = options;
  const server = probedServer(options, {
    ...BOUNDS,
    bodyBytes: bounds.bodyBytes,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  void server.register(async (scope) => {
    // The body is read by `read`, whatever its type is called.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload));
    addSourceRoute(scope, options);
  });
  return server;
}

function addSourceRoute(scope: FastifyInstance, options: DoorRoutes): void {
  const { door, sources, bounds, onAnswer } = options;
  const types = new WeakMap<object, string | undefined>();
  const nameOf = ({ params }: FastifyRequest): string => (params as { source: string }).source;
  const send = (request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply => {
    const name = nameOf(request);
    if (sources.has(name)) onAnswer(name, answer.status);
    return reply
      .code(answer.status)
      .headers({ ...answer.headers })
      .send(answer.body);
  };
  const receive = async (entry: DoorSource, request: FastifyRequest): Promise<Answer> => {
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > bounds.bodyBytes) return withoutRest(tooLarge(bounds));
    const stream = (request.body ?? request.raw) as NodeJS.ReadableStream;
    const found = await read(stream, door, bounds.bodyBytes);
    if (found === 'too-large') return withoutRest(tooLarge(bounds));
    if (found === 'no-room') return withoutRest(unavailable(bounds));
    const headers = { ...request.headers, 'content-type': types.get(request.raw) };
    return door.receive(entry, { headers, body: found.body }, found.release);
  };
  scope.route({
    method: ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE'],
    url: '/in/:source',
    exposeHeadRoute: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    onRequest: async (request, reply) => {
      const entry = sources.get(nameOf(request));
      if (entry === undefined) return send(request, reply, withoutRest(noSuchSource(nameOf(request))));
      if (request.method === 'POST' && door.isRefused(entry, request.headers))
        return send(request, reply, withoutRest(wrongSecret()));
      // Fastify refuses a type that is malformed: content decides nothing before it is read.
      types.set(request.raw, request.headers['content-type']);
      delete request.headers['content-type'];
      return undefined;
    },
    handler: async (request, reply) => {
      const entry = sources.get(nameOf(request));
      if (entry === undefined) return send(request, reply, noSuchSource(nameOf(request)));
      switch (request.method) {
        case 'POST':
          return send(request, reply, await receive(entry, request));
        case 'GET':
        case 'HEAD':
          return reply.send({ source: entry.source.name, format: entry.source.format.name });
        case 'OPTIONS':
          return reply.headers(handshake(request)).send();
        default:
          return send(request, reply, notAllowed());
      }
    },
  });
}

const noSuchSource = (name: string): Answer => ({
  status: 404,
  body: { code: 'no-such-source', message: `no source is named ${JSON.stringify(name.slice(0, 64))}` },
});

const notAllowed = (): Answer => ({
  status: 405,
  headers: { allow: METHODS },
  body: { code: 'not-allowed', message: 'events are sent by POST' },
});

/** The consent that CloudEvents asks for before it sends (HTTP webhooks, section 4). */
function handshake({ headers }: FastifyRequest): Record<string, string> {
  const origin = headers['webhook-request-origin'];
  return {
    allow: METHODS,
    ...(typeof origin === 'string' ? { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '*' } : {}),
  };
}
