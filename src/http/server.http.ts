import fastify, { type FastifyInstance } from 'fastify';
import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { checkOurs, SECURITY_HEADERS } from './access';
import { addApi, type ApiOptions } from './api.http';
import { BOUNDS, type Bounds } from './budget.http';
import { boundedConnections, type Connections } from './connections.http';
import { onError, onNotFound } from './errors.http';
import type { Health } from '../queries/health';
import { cachedFor } from '../queries/cached';
import type { Metrics } from './metrics';
import { addPage } from './page.http';

export interface RouteOptions {
  /** The address the server listens on. */
  readonly host: string;
  readonly health: Health;
  readonly metrics: Pick<Metrics, 'exposition'>;
  /** Other bounds than the service's own. */
  readonly bounds?: Partial<Bounds>;
  /** Page and API, if they are served: what they show, and to whom. */
  readonly api?: ApiOptions & {
    /** Host names that page and API accept, besides the host and localhost. */
    readonly allowedHosts: readonly string[];
  };
}

/**
 * The routes, not yet listening. `/livez`: 200 while the event loop turns and the process has not failed for good;
 * `/readyz`: 200, or 503 with the reasons; `/metrics`: Prometheus' text format. Those three are for machines: they need
 * no token and accept any host name. `/api` is the read API, `/` the page.
 */
export function httpRoutes(options: RouteOptions): FastifyInstance {
  const bounds = { ...BOUNDS, ...options.bounds };
  const server = probedServer(options, bounds);
  const { host, api } = options;
  if (api === undefined) return server;
  void server.register(async (scope) => {
    const ours = { httpHost: host, allowed: api.allowedHosts };
    scope.addHook('onRequest', async ({ headers }) => checkOurs(headers, ours));
    addApi(scope, api, bounds);
    addPage(scope);
  });
  return server;
}

/** A server with the routes for machines alone, within the bounds. */
export function probedServer(
  options: Pick<RouteOptions, 'health' | 'metrics'>,
  bounds: Bounds,
): FastifyInstance {
  const server = boundedRoutes(bounds, boundedConnections(bounds, systemClock));
  server.setErrorHandler(onError);
  server.setNotFoundHandler(onNotFound);
  server.addHook('onRequest', async (_, reply) => {
    reply.headers(SECURITY_HEADERS).header('cache-control', 'no-store');
  });
  addProbes(server, options, bounds);
  return server;
}

/** A server without routes, whose requests and answers are within the bounds. */
function boundedRoutes(bounds: Bounds, connections: Connections): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bounds.bodyBytes,
    serverFactory: connections.serve,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: bounds.pathParameterLength },
    ajv: { customOptions: { removeAdditional: false, allErrors: false } },
    frameworkErrors: (error, request, reply) => void onError(error, request, reply),
  });
  server.addHook('onSend', async (_, reply, payload) => {
    // A stream is written as fast as its client takes it.
    if (typeof payload === 'string' || Buffer.isBuffer(payload))
      connections.answering(reply.raw, payload.length);
  });
  return server;
}

function addProbes(
  server: FastifyInstance,
  { health, metrics }: Pick<RouteOptions, 'health' | 'metrics'>,
  { metricsForMs }: Bounds,
): void {
  const exposition = cachedFor(metricsForMs, systemClock, metrics.exposition);
  server.get('/livez', async (_, reply) => {
    const failure = health.failure();
    return reply
      .code(failure === null ? 200 : 503)
      .send(failure === null ? { live: true } : { live: false, failure });
  });
  server.get('/readyz', async (_, reply) => {
    const reasons = Object.fromEntries(health.reasons().map(({ key, reason }) => [key, reason]));
    const warnings = Object.fromEntries(health.warnings().map(({ key, warning }) => [key, warning]));
    const ready = Object.keys(reasons).length === 0;
    return reply.code(ready ? 200 : 503).send({ ready, reasons, warnings });
  });
  server.get('/metrics', async (_, reply) => {
    const { type, text } = await exposition();
    return reply.header('content-type', type).send(text);
  });
}

/** How long a worker may take to answer that it is live. */
const PROBE_MS = 2_000;

/** A listening server. */
export interface HttpServer {
  /** The port it listens on: the one asked for, or a free one where that was 0. */
  readonly port: number;
  /** Closes open connections, too. */
  close(): Promise<void>;
}

/** The error of a setting that prevents listening; null where no setting is the cause. */
function settingError(code: string | undefined, { host, port, settings }: ListenOptions): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `${settings}_PORT: port ${port} on ${host} is used by another process; choose another, or 0 for any free one`;
    case 'EACCES':
      return `${settings}_PORT: this user may not listen on port ${port}; choose one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${settings}_HOST: ${host} is not an address of this machine; 127.0.0.1 and 0.0.0.0 always are`;
    default:
      return null;
  }
}

/** Where a server listens, and the settings that say so: `EFS_HTTP` for EFS_HTTP_HOST and EFS_HTTP_PORT. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly settings: string;
}

/** Serves the routes. Throws `config-invalid` where host or port is not available. */
export const startHttp = (options: RouteOptions & { readonly port: number }): Promise<HttpServer> =>
  listening(httpRoutes(options), { host: options.host, port: options.port, settings: 'EFS_HTTP' });

/**
 * Whether a server could listen there now: `free`, `worker` where one of this service answers, or the failure of
 * `config-invalid`.
 */
export async function portState(options: ListenOptions): Promise<'free' | 'worker' | EfsError> {
  try {
    const server = await listening(fastify(), options);
    await server.close();
    return 'free';
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    return (await isLive(options)) ? 'worker' : error;
  }
}

/** Whether the `/livez` of this service answers there. */
async function isLive({ host, port }: ListenOptions): Promise<boolean> {
  const name = host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${name}:${port}/livez`, { signal: AbortSignal.timeout(PROBE_MS) });
    return typeof ((await answer.json()) as { live?: unknown }).live === 'boolean';
  } catch {
    return false; // Another program, or nothing that answers.
  }
}

/** Lets a server listen. Throws `config-invalid` where host or port is not available. */
export async function listening(server: FastifyInstance, options: ListenOptions): Promise<HttpServer> {
  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await server.close();
    const message = settingError((error as NodeJS.ErrnoException).code, options);
    if (message === null) throw error;
    throw new EfsError('config-invalid', message, { cause: error });
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return { port, close: () => server.close() };
}
