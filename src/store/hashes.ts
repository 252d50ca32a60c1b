import type { DeliveryId } from '../base/ids';
import { partitionOf } from '../log/partitioner';

/*
 * The hashes of a task's state, by name. A field is an id, a partition number, or a word.
 *
 *   status   m/<delivery>/<bucket>   message id → aggregate
 *            c                       delivery id → this partition's contribution
 *            w                       delivery id → how many of its messages may still expire, and the earliest deadline
 *            z                       delivery id → empty: it is retired, and not all of its messages are deleted yet
 *            f                       flags of the task
 *   kpi      d/<delivery>            partition → its last contribution; empty where the delivery is retired there
 *            s                       delivery id → sum of its contributions
 *            p                       delivery id → the last published record
 *            f                       flags of the task
 */
export const CONTRIBUTIONS_HASH = 'c';
export const TIMER_INDEX_HASH = 'w';
export const SUMS_HASH = 's';
export const PUBLISHED_HASH = 'p';
export const EVICTING_HASH = 'z';
/** Of kpi tasks up to version 0.1: delivery id → when it was retired. */
export const FORMER_RETIRED_HASH = 'r';
export const FLAGS_HASH = 'f';

export function messagesHash(delivery: DeliveryId, bucket: number): string {
  return `m/${delivery}/${bucket}`;
}

/** All hashes that hold a delivery's messages. */
export function messagesHashes(delivery: DeliveryId, buckets: number): string[] {
  return Array.from({ length: buckets }, (_, bucket) => messagesHash(delivery, bucket));
}

/** Which of a delivery's hashes holds a message. Fixed for as long as a generation exists. */
export function bucketOf(field: Buffer, buckets: number): number {
  return buckets === 1 ? 0 : partitionOf(field, buckets);
}

export function sharesHash(delivery: string): string {
  return `d/${delivery}`;
}

/** A number as a field or a value. */
export function numberField(number: number): Buffer {
  return Buffer.from(String(number), 'latin1');
}
