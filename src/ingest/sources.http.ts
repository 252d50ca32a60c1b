import type { FastifyInstance, FastifyRequest } from 'fastify';
import { EfsError } from '../base/errors';
import { checkOurs, isAuthorized, isLoopback } from '../http/access';
import type { IngesterReport } from '../queries/sources';

export interface SourcesRoute {
  /** The address that the server listens on. */
  readonly host: string;
  /** What a request must carry as a bearer token; empty asks for nothing, where the server listens on loopback. */
  readonly token: string;
  report(): IngesterReport;
}

/** Throws `not-authorized`, `not-allowed`. A door is made for senders of anywhere: without a token only its own machine may ask. */
function checkAccess({ headers }: FastifyRequest, { host, token }: SourcesRoute): void {
  const { authorization } = headers;
  if (token !== '') {
    // Sessions belong to the page: a cookie proves nothing here.
    if (isAuthorized(token, { authorization }, 0)) return;
    throw new EfsError('not-authorized', 'a valid token is required');
  }
  if (!isLoopback(host))
    throw new EfsError(
      'not-authorized',
      'other machines reach this port and no token is set: set EFS_HTTP_TOKEN',
    );
  checkOurs(headers, { httpHost: host, allowed: [] });
}

/** Adds `GET /sources`: what has come in from each source since the start, as `efs run` asks for it. */
export function addSourcesRoute(server: FastifyInstance, route: SourcesRoute): void {
  server.get('/sources', {
    onRequest: async (request) => checkAccess(request, route),
    handler: async () => route.report(),
  });
}
