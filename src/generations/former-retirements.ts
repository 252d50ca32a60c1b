import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { OutgoingRecord, Sink } from '../log/sink';
import { retirementRecord } from '../pipeline/retention';
import { CONTRIBUTIONS_HASH, FORMER_RETIRED_HASH, numberField, sharesHash, SUMS_HASH } from '../store/hashes';
import { inPortions, pagesOf } from '../store/pages';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { tasksOf } from './generation';

/*
 * Up to 0.1, the kpi task of a delivery retired it for all partitions, and kept that in a hash of its own. The first worker of
 * a later version publishes these to the topic of retired deliveries, from which status tasks adopt them: with the
 * contributions that the sums have, or none where the sum was deleted already, and from where the status tasks stand now.
 */

export interface FormerRetirementDeps {
  readonly store: Pick<Store, 'scan' | 'load' | 'inspect'>;
  readonly sink: Pick<Sink, 'emit'>;
  readonly contribution: WireType<Contribution>;
  /** The topic's name in Kafka. */
  readonly retiredTopic: string;
}

/** Deliveries whose shares are read at once. */
const AT_ONCE = 100;

/**
 * Publishes what a state of 0.1 knows of retired deliveries; does nothing for a state that was read with their topic before.
 * Returns their number. Can be repeated after an interruption.
 */
export async function takeOverRetirements(deps: FormerRetirementDeps, manifest: Manifest): Promise<number> {
  if (deps.retiredTopic in (manifest.topicIds ?? {})) return 0;
  let deliveries = 0;
  for (const task of tasksOf(manifest, 'kpi'))
    for await (const page of pagesOf(deps.store, task, FORMER_RETIRED_HASH))
      for (const portion of inPortions(page, AT_ONCE)) {
        const fields = portion.map(([field]) => field);
        await deps.sink.emit(await retirementsOf(deps, manifest, task, fields));
        deliveries += fields.length;
      }
  return deliveries;
}

/** The records that retire these deliveries of a kpi task in every partition that does not know it yet. */
async function retirementsOf(
  { store, contribution }: FormerRetirementDeps,
  manifest: Manifest,
  task: TaskAddress,
  fields: readonly Buffer[],
): Promise<OutgoingRecord[]> {
  const status = tasksOf(manifest, 'status');
  const partitions = status.map(({ partition }) => numberField(partition));
  const reads = fields.map((field) => ({ hash: sharesHash(field.toString('utf8')), fields: partitions }));
  const [sums = [], ...shares] = await store.load(task, [{ hash: SUMS_HASH, fields }, ...reads]);
  const records: OutgoingRecord[] = [];
  for (const { partition, ...address } of status) {
    const own = { ...address, partition };
    const positions = (await store.inspect(own))?.positions ?? [];
    const [known = []] = await store.load(own, [{ hash: CONTRIBUTIONS_HASH, fields }]);
    fields.forEach((field, index) => {
      // A share is empty where another worker was first.
      const share = shares[index]?.[partition]?.length === 0 ? null : shares[index]?.[partition];
      const counted = sums[index] == null ? null : (share ?? known[index] ?? null);
      if (known[index] != null && contribution.decode(known[index]).retiredFrom !== null) return;
      const empty = { ...emptySum(field.toString('utf8'), manifest.stateId), partition };
      const last = counted === null ? empty : contribution.decode(counted);
      records.push(retirementRecord({ partition, contribution }, last, positions));
    });
  }
  return records;
}
