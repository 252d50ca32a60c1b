import { DeliveryId } from '../base/ids';
import type { Positions } from '../log/source';
import type { TaskOwnership } from '../pipeline';
import { statusOf } from '../status/projection';
import { decodeMessage, decodeMessageId } from '../store/codec';
import { bucketOf, CONTRIBUTIONS_HASH, messagesHash } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { BARRIER_SENT, readFlags } from './flags';
import { hasCaughtUp, isPast } from './publish-gate';
import type { Republished, StatusRepublished, StatusCommand } from './status-input';

/*
 * How a status task resumes publishing. A generation with a predecessor publishes nothing while it folds its backlog: it
 * would publish less than its predecessor had published already. Once a task has passed its catch-up offsets it republishes
 * all of its contributions, which are absolute, then the messages whose status differs from what was published, then its
 * barrier. That also makes catch-up cheaper than normal operation.
 */

export interface RepublishDeps {
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  /** The generation that published before, where its state is left to compare with: only differences are republished. */
  predecessor(): Promise<Manifest | null>;
  readonly store: Pick<Store, 'load' | 'scan'>;
  /** The ends of the inputs as they are now. */
  inputEnds(): Promise<Positions>;
  /** Whether changes of messages are published at all. */
  readonly withStatuses: boolean;
}

/** The commands of a status task up to its barrier; keeps `publishing.suppressed` up to date for the next batch. */
export function statusCommands(
  deps: RepublishDeps,
  publishing: { suppressed: boolean },
): (ownership: TaskOwnership) => AsyncGenerator<readonly StatusCommand[]> {
  const { address, manifest, store } = deps;
  let known = !manifest.hasPredecessor;
  publishing.suppressed = manifest.hasPredecessor;
  let inputEnds: Positions | null = null;
  return async function* (ownership) {
    if (!known) {
      publishing.suppressed = !(await hasPublished(store, manifest, address.partition));
      known = true;
    }
    // A candidate publishes nothing, however far it is.
    if (!publishing.suppressed || manifest.generation === 0) return;
    if (!hasCaughtUp(manifest, address.partition, ownership.positions)) return;
    // The catch-up offsets may have been read before the predecessor started. By now the predecessor has ended.
    inputEnds ??= await deps.inputEnds();
    if (!isPast(inputEnds, ownership.positions)) return;
    yield* republications(deps);
    yield [{ kind: 'CaughtUp' }];
    publishing.suppressed = false;
  };
}

/** Whether a generation has resumed publishing in a partition since it became the active one. */
export async function hasPublished(
  store: Pick<Store, 'load'>,
  { stateId, generation, hasPredecessor }: Manifest,
  partition: number,
): Promise<boolean> {
  if (!hasPredecessor) return true;
  const task = { stateId, pipeline: 'status', partition } as const;
  const [sent] = await readFlags(store, task, BARRIER_SENT);
  return sent !== null && sent >= generation;
}

async function* republications(
  deps: RepublishDeps,
): AsyncGenerator<readonly (Republished | StatusRepublished)[]> {
  const predecessor = deps.withStatuses ? await deps.predecessor() : null;
  for await (const page of pagesOf(deps.store, deps.address, CONTRIBUTIONS_HASH)) {
    const deliveries = page.map(([field]) => DeliveryId(field.toString('utf8')));
    yield page.map(([field, contribution]) => ({
      kind: 'Republished' as const,
      deliveryId: DeliveryId(field.toString('utf8')),
      contribution,
    }));
    if (!deps.withStatuses) continue;
    for (const delivery of deliveries) yield* statusRepublications(deps, predecessor, delivery);
  }
}

/** The messages of a delivery, each with the status that the predecessor gave it. */
async function* statusRepublications(
  { address, manifest, store }: RepublishDeps,
  predecessor: Manifest | null,
  deliveryId: DeliveryId,
): AsyncGenerator<readonly StatusRepublished[]> {
  for (let bucket = 0; bucket < manifest.buckets; bucket += 1) {
    for await (const page of pagesOf(store, address, messagesHash(deliveryId, bucket))) {
      const fields = page.map(([field]) => field);
      const before = await valuesOf(store, address.partition, predecessor, deliveryId, fields);
      yield page.map(([field, value], index): StatusRepublished => {
        const previous = before[index] ?? null;
        return {
          kind: 'StatusRepublished',
          deliveryId,
          messageId: decodeMessageId(field),
          before:
            previous === null || predecessor === null
              ? null
              : statusOf(decodeMessage(previous), predecessor.defaultPolicy),
          message: decodeMessage(value),
        };
      });
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
  const task: TaskAddress = { stateId: of.stateId, pipeline: 'status', partition };
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
  const loaded = await store.load(task, reads);
  const values: (Buffer | null)[] = fields.map(() => null);
  [...byBucket.values()].forEach((indices, read) =>
    indices.forEach((index, at) => (values[index] = loaded[read]?.[at] ?? null)),
  );
  return values;
}
