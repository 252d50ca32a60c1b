import { DeliveryId } from '../base/ids';
import type { Projected } from '../pipeline';
import { statusOf } from '../status/projection';
import { decodeMessage, decodeMessageId } from '../store/codec';
import { bucketOf, CONTRIBUTIONS_HASH, messagesHashes, messagesHash } from '../store/hashes';
import { pagesOf } from '../store/pages';
import { type Manifest, statusTaskOf, type Store, type TaskAddress } from '../store/store';
import { emitting, flagWrite, writing } from './effects';
import { LIVE_AS } from './flags';
import { contributionOf } from './status-state';
import { barriers, contributionRecord, statusRecords, type StatusRules } from './status-records';

/*
 * How a suppressed status task becomes live. A generation with a predecessor publishes nothing while it folds its backlog: it
 * would publish less than its predecessor had published already. Once a task has passed its catch-up offsets it republishes
 * all of its contributions, which are absolute, and its barrier; then the messages whose status differs from what was
 * published. That also makes catch-up cheaper than normal operation.
 */

export interface RepublishDeps {
  readonly rules: StatusRules;
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  /** The generation whose state of this partition is what was published last; null where there is none to compare with. */
  readonly predecessor: Manifest | null;
  readonly store: Pick<Store, 'load' | 'scan'>;
}

/** The effects that make a suppressed task live that has caught up. */
export async function* republishing(deps: RepublishDeps): AsyncGenerator<Projected> {
  const { manifest, rules } = deps;
  yield* contributions(deps);
  yield emitting(barriers(rules));
  if (rules.statusChanged !== null) yield* statuses(deps);
  yield writing([flagWrite(LIVE_AS, manifest.generation)]);
}

async function* contributions({ store, address, rules }: RepublishDeps): AsyncGenerator<Projected> {
  for await (const page of pagesOf(store, address, CONTRIBUTIONS_HASH))
    yield emitting(page.map(([field, value]) => contributionRecord(rules, field, value)));
}

/** The messages whose status is not that of the predecessor. Those of retired deliveries were published for good. */
async function* statuses(deps: RepublishDeps): AsyncGenerator<Projected> {
  const { store, address, rules } = deps;
  for await (const page of pagesOf(store, address, CONTRIBUTIONS_HASH))
    for (const [field, value] of page) {
      const deliveryId = DeliveryId(field.toString('utf8'));
      const isRetired = contributionOf(rules, deliveryId, value).retiredFrom !== null;
      if (!isRetired) yield* statusesOf(deps, deliveryId);
    }
}

async function* statusesOf(
  { address, manifest, store, rules, predecessor }: RepublishDeps,
  deliveryId: DeliveryId,
): AsyncGenerator<Projected> {
  for (const hash of messagesHashes(deliveryId, manifest.buckets)) {
    for await (const page of pagesOf(store, address, hash)) {
      const fields = page.map(([field]) => field);
      const before = await valuesOf(store, address.partition, predecessor, deliveryId, fields);
      const records = page.flatMap(([field, value], index) => {
        const known = before[index] ?? null;
        return statusRecords(rules, {
          deliveryId,
          messageId: decodeMessageId(field),
          before:
            known === null || predecessor === null
              ? null
              : statusOf(decodeMessage(known), predecessor.defaultPolicy),
          after: decodeMessage(value),
        });
      });
      if (records.length > 0) yield emitting(records);
    }
  }
}

/** The stored aggregates of some messages in one generation, by field. */
export async function valuesOf(
  store: Pick<Store, 'load'>,
  partition: number,
  of: Manifest | null,
  deliveryId: DeliveryId,
  fields: readonly Buffer[],
): Promise<readonly (Buffer | null)[]> {
  if (of === null) return [];
  const byBucket = new Map<number, number[]>();
  fields.forEach((field, index) => {
    const bucket = bucketOf(field, of.buckets);
    const indices = byBucket.get(bucket);
    if (indices === undefined) byBucket.set(bucket, [index]);
    else indices.push(index);
  });
  const reads = [...byBucket].map(([bucket, indices]) => ({
    hash: messagesHash(deliveryId, bucket),
    fields: indices.map((index) => fields[index] as Buffer),
  }));
  const loaded = await store.load(statusTaskOf(of, partition), reads);
  const values: (Buffer | null)[] = fields.map(() => null);
  [...byBucket.values()].forEach((indices, read) =>
    indices.forEach((index, at) => (values[index] = loaded[read]?.[at] ?? null)),
  );
  return values;
}
