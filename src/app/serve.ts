import { isLoopback } from '../http/access';
import { type HttpServer, startHttp } from '../http/server.http';
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
  if (frame.config.httpToken === '' && !isLoopback(host)) {
    const warning =
      `page and API listen on ${host} and ask for no token: set EFS_HTTP_TOKEN_FILE, unless a proxy or the network ` +
      'keeps others out';
    frame.health.warn('http', warning);
    frame.watchers.log.warn('page and API are open to other machines: no token is set', {
      host,
      port: http.port,
    });
  }
  return http;
}
