import { systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import { NO_METER } from '../tasks/meter';
import { retryUntil } from '../tasks/retry';
import { schemaIds, WRITTEN_RECORDS } from '../feedback/schemas';
import type { GenerationDeps } from '../generations/generation';
import type { RebuildDeps } from '../generations/rebuild';
import { compose, outagesOf } from './compose';
import { connectServers } from './servers';

/** The dependencies of commands that act on generations beside running workers. */
export interface OfflineContext {
  readonly cutOver: GenerationDeps;
  readonly rebuild: Omit<RebuildDeps, 'maxRate'>;
  readonly retry: ReturnType<typeof retryUntil>;
}

/** Opens the servers for the duration of `use`; waits for those that do not answer, until `signal` aborts. */
export async function withOfflineContext<T>(
  config: Config,
  log: Log,
  signal: AbortSignal,
  use: (context: OfflineContext) => Promise<T>,
): Promise<T> {
  const nothing = (): void => undefined;
  const watching = { log, meter: NO_METER, onReason: nothing, onFatal: nothing };
  const watchers = { ...watching, outages: outagesOf(watching, systemClock) };
  const retry = retryUntil(signal, { clock: systemClock, random: systemRandom, outages: watchers.outages });
  const { servers, close } = await connectServers(config, { watchers, retry, inGroups: false });
  try {
    const partitions = await retry(() => servers.sources.status.partitions());
    const ids = await retry(() => schemaIds(servers.registry, config.topicPrefix, WRITTEN_RECORDS));
    const parts = { watchers, pipelines: ['status'] as const, partitions, ids, signal };
    const { deps: pipeline, generation: cutOver } = compose(config, servers, parts);
    return await use({
      cutOver,
      rebuild: { ...cutOver, pipeline, source: servers.sources.status },
      retry,
    });
  } finally {
    await servers.sources.status.stop();
    await close();
  }
}
