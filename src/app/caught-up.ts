import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { EfsError } from '../base/errors';
import { readKpi } from '../queries/lookup';
import { isLater, type KpiView } from '../queries/delivery-view';
import type { Queries } from '../queries/queries';
import { unlessAborted } from '../tasks/retry';
import { PUBLISHED_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Store, TaskAddress } from '../store/store';
import { type Servers, topicsOf } from './compose';

const POLL_MS = 20;

/**
 * Waits until every task stands at the end of its topics as it is when its turn comes, and until the window shows what the
 * tasks have published. Throws `not-ready` where the service has failed.
 */
export async function caughtUp(
  config: Config,
  { store, reader }: Pick<Servers, 'store' | 'reader'>,
  where: {
    readonly partitions: number;
    readonly queries: Pick<Queries, 'health' | 'view'>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { partitions, queries, signal } = where;
  const until = async (holds: (generation: number) => Promise<boolean>): Promise<void> => {
    for (;;) {
      const generation = (await store.active())?.stateId ?? 0;
      if (await holds(generation)) return;
      const failure = queries.health.failure();
      if (failure !== null) throw new EfsError('not-ready', failure);
      await unlessAborted(signal, () => systemClock.sleep(POLL_MS));
    }
  };
  for (const pipeline of ['status', 'kpi'] as const) {
    for (let partition = 0; partition < partitions; partition++) {
      const topics = topicsOf(config, pipeline);
      const held = await Promise.all(topics.map((topic) => reader.watermarks(topic, partition)));
      await until(async (generation) => {
        const standing = await store.inspect({ stateId: generation, pipeline, partition });
        return held.every(({ high }, topic) => (standing?.positions[topic] ?? 0) >= high);
      });
      // What is committed is about to leave, and then to come in at the window.
      if (pipeline === 'kpi')
        await until((generation) =>
          isShown(store, { stateId: generation, pipeline, partition }, queries.view),
        );
    }
  }
}

/** Whether the view knows what a task published last of each delivery, or something later. */
async function isShown(
  store: Pick<Store, 'scan'>,
  task: TaskAddress,
  view: Pick<KpiView, 'last'>,
): Promise<boolean> {
  for await (const entries of pagesOf(store, task, PUBLISHED_HASH)) {
    for (const [, value] of entries) {
      const published = readKpi(value);
      if (published === null) continue;
      const seen = view.last(published.deliveryId);
      if (seen === null) return false;
      if (seen.delivery !== null && isLater(published, seen.delivery)) return false;
    }
  }
  return true;
}
