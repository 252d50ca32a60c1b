import fastify, { type FastifyInstance } from 'fastify';
import { EfsError } from '../base/errors';
import type { Health } from './health';
import type { Metrics } from './metrics';

/** Requests are small: no route takes a body, and no path is longer than this. */
const MAX_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The routes, not yet listening. `/livez`: 200 while the event loop turns and the process has not failed for good;
 * `/readyz`: 200, or 503 with the reasons; `/metrics`: Prometheus' text format.
 */
export function httpRoutes({ health, metrics }: { health: Health; metrics: Metrics }): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  server.addHook('onRequest', async (_, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  server.get('/livez', async (_, reply) => {
    const failure = health.failure();
    return reply
      .code(failure === null ? 200 : 503)
      .send(failure === null ? { live: true } : { live: false, failure });
  });
  server.get('/readyz', async (_, reply) => {
    const reasons = health.reasons();
    const ready = Object.keys(reasons).length === 0;
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
  server.get('/metrics', async (_, reply) => {
    const { type, text } = await metrics.exposition();
    return reply.header('content-type', type).send(text);
  });
  return server;
}

/** A listening server. */
export interface HttpServer {
  /** The port it got: the one asked for, or a free one where that was 0. */
  readonly port: number;
  /** Ends connections, too. */
  close(): Promise<void>;
}

/** What stands against listening, where the settings are to blame. */
function misfit(code: string | undefined, host: string, port: number): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `EFS_HTTP_PORT: port ${port} on ${host} is taken by another process; choose another, or 0 for any free one`;
    case 'EACCES':
      return `EFS_HTTP_PORT: this user may not listen on port ${port}; choose one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `EFS_HTTP_HOST: ${host} is not an address of this machine; 127.0.0.1 and 0.0.0.0 always are`;
    default:
      return null;
  }
}

/** Serves the routes. Throws `config-invalid` where host or port cannot be had. */
export async function startHttp(options: {
  host: string;
  port: number;
  health: Health;
  metrics: Metrics;
}): Promise<HttpServer> {
  const server = httpRoutes(options);
  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await server.close();
    const message = misfit((error as NodeJS.ErrnoException).code, options.host, options.port);
    if (message === null) throw error;
    throw new EfsError('config-invalid', message, { cause: error });
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return { port, close: () => server.close() };
}
