import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { EfsError } from '../base/errors';
import { readKpi } from '../queries/lookup';
import { isLater, type DeliveryView } from '../queries/delivery-view';
import type { Queries } from '../queries/queries';
import { unlessAborted } from '../tasks/retry';
import { PUBLISHED_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Store, TaskAddress } from '../store/store';
import { type Servers, topicsOf } from './compose';

const POLL_MS = 20;

/**
 * Waits until every task has reached the end of its topics, read when the wait reaches that task, and until the read model
 * shows what the tasks have published. Throws `not-ready` where the service has failed.
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
  const until = async (holds: (stateId: number) => Promise<boolean>): Promise<void> => {
    for (;;) {
      const stateId = (await store.active())?.stateId ?? 0;
      if (await holds(stateId)) return;
      const failure = queries.health.failure();
      if (failure !== null) throw new EfsError('not-ready', failure);
      await unlessAborted(signal, () => systemClock.sleep(POLL_MS));
    }
  };
  for (const pipeline of ['status', 'kpi'] as const) {
    for (let partition = 0; partition < partitions; partition++) {
      const topics = topicsOf(config, pipeline);
      const ends = await Promise.all(topics.map((topic) => reader.watermarks(topic, partition)));
      await until(async (stateId) => {
        const task = await store.inspect({ stateId, pipeline, partition });
        return ends.every(({ high }, topic) => (task?.positions[topic] ?? 0) >= high);
      });
      // A committed change is published next, and then arrives in the read model.
      if (pipeline === 'kpi')
        await until((stateId) => isShown(store, { stateId, pipeline, partition }, queries.view));
    }
  }
}

/** Whether the view has, for each delivery, what the task published last, or something later. */
async function isShown(
  store: Pick<Store, 'scan'>,
  task: TaskAddress,
  view: Pick<DeliveryView, 'last'>,
): Promise<boolean> {
  for await (const entries of pagesOf(store, task, PUBLISHED_HASH)) {
    for (const [, value] of entries) {
      const published = readKpi(value);
      if (published === null) continue;
      const shown = view.last(published.deliveryId);
      if (shown === null) return false;
      if (shown.delivery !== null && isLater(published, shown.delivery)) return false;
    }
  }
  return true;
}
