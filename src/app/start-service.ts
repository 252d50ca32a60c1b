import { type Clock, systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import type { Queries } from '../queries/queries';
import { retryUntil } from '../tasks/retry';
import { type PipelineName, type Service, startService } from '../service/run';
import { schemaIds } from '../service/setup';
import { compose, type Servers, type Watchers } from './compose';

/**
 * Starts the service on its servers and gives the read model its state. `signal` aborts every wait. Throws what is not
 * retriable: `topic-missing`, `schema-missing`, `not-co-partitioned`, `generation-unfit`.
 */
export async function startOn(
  config: Config,
  servers: Servers,
  how: {
    readonly watchers: Watchers;
    readonly pipelines: readonly PipelineName[];
    readonly queries: Queries;
    readonly signal: AbortSignal;
    readonly clock?: Clock;
  },
): Promise<Service> {
  const { watchers, pipelines, queries, signal, clock = systemClock } = how;
  const { outages } = watchers;
  let service: Service | null = null;
  queries.attach({ state: servers.store, running: () => service?.running() ?? [] });
  const retry = retryUntil(signal, { clock: systemClock, random: systemRandom, outages });
  const [first = 'status'] = pipelines;
  const partitions = await retry(() => servers.sources[first].partitions());
  const ids = await retry(() => schemaIds(servers.registry, config.topicPrefix));
  service = await startService(
    compose(config, servers, { watchers, pipelines, partitions, ids, signal, clock }),
  );
  return service;
}
