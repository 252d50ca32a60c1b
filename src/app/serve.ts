import { isLoopback } from '../http/access';
import { type HttpServer, startHttp } from '../http/server.http';
import type { Config } from '../settings/table';
import { type Frame, routesOf } from './frame';

/**
 * Serves page, API, health and metrics. Warns in the log and in `/api/health` where others can reach the API and no token
 * is asked for. Throws `config-invalid` where the address is not available.
 */
export async function serve(
  frame: Frame,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const http = await startHttp({ ...routesOf(frame), host, port });
  const open = openAccess(frame.config, host);
  if (open !== null) {
    frame.health.warn('http', `${open.problem}: ${open.remedy}`);
    frame.watchers.log.warn('page and API are open to other machines: no token is set', {
      host,
      port: http.port,
    });
  }
  return http;
}

/** What is wrong where others can reach the API and no token is asked for, or null. */
export function openAccess(
  { httpToken }: Pick<Config, 'httpToken'>,
  host: string,
): { readonly problem: string; readonly remedy: string } | null {
  if (httpToken !== '' || isLoopback(host)) return null;
  return {
    problem: `page and API listen on ${host} and ask for no token`,
    remedy: 'set EFS_HTTP_TOKEN_FILE, unless a proxy or the network keeps others out',
  };
}
