import { randomBytes } from 'node:crypto';
import { type Clock, systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import type { Health } from '../queries/health';
import type { Metrics } from '../http/metrics';
import type { RouteOptions } from '../http/server.http';
import { openQueries, type Queries } from '../queries/queries';
import type { Outages } from '../tasks/outages';
import { retryUntil } from '../tasks/retry';
import type { Servers } from './compose';
import { failureOf } from './failure';
import { version } from './version';

/** Creates the read model by the settings; it follows no topic yet. `eventClock` is the clock of record timestamps. */
export function createQueries(
  {
    httpShowRecipients: showsRecipients,
    retention: retentionMs,
  }: Pick<Config, 'httpShowRecipients' | 'retention'>,
  parts: { readonly health: Health; readonly metrics: Metrics },
  eventClock: Clock = systemClock,
): Queries {
  const { health, metrics: meter } = parts;
  const instance = randomBytes(6).toString('hex');
  const at = { clock: systemClock, eventClock, random: systemRandom };
  return openQueries({ health, ...at, instance, showsRecipients, meter, retentionMs });
}

/** The options of the HTTP server. */
export function routesOf(
  config: Pick<Config, 'httpHost' | 'httpAllowedHosts' | 'httpToken'>,
  parts: { readonly health: Health; readonly metrics: Metrics; readonly queries: Queries },
): RouteOptions {
  const { httpHost: host, httpAllowedHosts: allowedHosts, httpToken: token } = config;
  const { health, metrics, queries } = parts;
  const api = { queries, version, allowedHosts, token, timeOfDay: systemClock };
  return { host, health, metrics, api };
}

/** Starts the read model on the log until `signal` aborts, also while servers do not answer. */
export function followLog(
  queries: Queries,
  log: Pick<Servers, 'reader' | 'registry'> & { readonly topicPrefix: string },
  outages: Outages,
  signal: AbortSignal,
): void {
  const retry = retryUntil(signal, { clock: systemClock, random: systemRandom, outages });
  queries.follow({ ...log, retry }, signal, (error) =>
    queries.health.set('window', `the read model has stopped: ${failureOf(error, false).text.trim()}`),
  );
}
