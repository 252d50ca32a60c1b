import type { Contribution, WireType } from '../kpi/encode';
import { emptySum, supersedes } from '../kpi/publish';
import type { OutgoingRecord, Sink } from '../log/sink';
import { retirementRecord } from '../pipeline/retention';
import { CONTRIBUTIONS_HASH, FORMER_RETIRED_HASH, numberField, sharesHash, SUMS_HASH } from '../store/hashes';
import { inPortions, pagesOf } from '../store/pages';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { tasksOf } from './generation';

/*
 * In builds between 0.1 and 0.2, the kpi task of a delivery retired it for all partitions, and kept that in a hash of its own. The
 * first worker of a later version publishes these to the topic of retired deliveries, from which status tasks adopt them: with the
 * last contributions, or with empty ones where the sum was deleted already, and from where the status tasks stand now.
 */

export interface FormerRetirementDeps {
  readonly store: Pick<Store, 'scan' | 'load' | 'loadAt'>;
  readonly sink: Pick<Sink, 'emit'>;
  readonly contribution: WireType<Contribution>;
  /** The topic's name in Kafka. */
  readonly retiredTopic: string;
}

/** Deliveries whose shares are read at once. */
const AT_ONCE = 100;

/**
 * Publishes what the state of one of these builds knows of retired deliveries; does nothing for a state that was read with their topic before.
 * Returns the number of deliveries that it has published. Can be repeated after an interruption.
 */
export async function takeOverRetirements(deps: FormerRetirementDeps, manifest: Manifest): Promise<number> {
  if (deps.retiredTopic in (manifest.topicIds ?? {})) return 0;
  let deliveries = 0;
  for (const task of tasksOf(manifest, 'kpi'))
    for await (const page of pagesOf(deps.store, task, FORMER_RETIRED_HASH))
      for (const portion of inPortions(page, AT_ONCE)) {
        const fields = portion.map(([field]) => field);
        const records = await retirementsOf(deps, manifest, task, fields);
        if (records.length > 0) await deps.sink.emit(records);
        deliveries += new Set(records.map(({ key }) => key?.toString('utf8'))).size;
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
  // The share of a partition that has adopted the retirement is empty.
  const decoded = (stored: Buffer | null | undefined): Contribution | null =>
    stored == null || stored.length === 0 ? null : contribution.decode(stored);
  const status = tasksOf(manifest, 'status');
  const partitions = status.map(({ partition }) => numberField(partition));
  const reads = fields.map((field) => ({ hash: sharesHash(field.toString('utf8')), fields: partitions }));
  const [sums = [], ...shares] = await store.load(task, [{ hash: SUMS_HASH, fields }, ...reads]);
  const records: OutgoingRecord[] = [];
  for (const address of status) {
    const { partition } = address;
    const found = await store.loadAt(address, [{ hash: CONTRIBUTIONS_HASH, fields }]);
    const { positions, values } = found ?? { positions: [], values: [] };
    fields.forEach((field, index) => {
      const own = decoded(values[0]?.[index]);
      if (own !== null && own.retiredFrom !== null) return;
      // A sum that was deleted is there again without a record, once a partition has adopted an empty contribution.
      const isDeleted = (decoded(sums[index])?.revision ?? 0) === 0;
      const counted = isDeleted ? [] : [own, decoded(shares[index]?.[partition])];
      const empty: Contribution = { ...emptySum(field.toString('utf8'), manifest.stateId), partition };
      // The status task may have deleted its contribution, and the kpi task may not have read the last one yet.
      const last = counted.reduce<Contribution>(
        (most, each) => (each !== null && supersedes(each, most) ? each : most),
        empty,
      );
      records.push(retirementRecord({ partition, contribution }, last, positions));
    });
  }
  return records;
}
