import type { DeliveryId } from '../base/ids';
import { partitionOf } from '../log/partitioner';

/*
 * The hashes of a task's state, by name. A field is an id, a partition's number, or a word.
 *
 *   status   m/<delivery>/<bucket>   message id → aggregate
 *            c                       delivery id → this partition's contribution
 *            w                       delivery id → its messages that silence may yet expire
 *            f                       flags of the task
 *   kpi      d/<delivery>            partition → its last contribution
 *            s                       delivery id → sum of its contributions
 *            p                       delivery id → the record last published
 *            r                       delivery id → since when it is retired, and as of when it was counted
 *            f                       flags of the task
 */
export const CONTRIBUTIONS_HASH = 'c';
export const WAITING_HASH = 'w';
export const SUMS_HASH = 's';
export const PUBLISHED_HASH = 'p';
export const RETIRED_HASH = 'r';
export const FLAGS_HASH = 'f';

export function messagesHash(delivery: DeliveryId, bucket: number): string {
  return `m/${delivery}/${bucket}`;
}

/** Which of a delivery's hashes holds a message. Must stay as it is for the life of a generation. */
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
