import type { DeliveryId } from '../base/ids';
import { valuesOf } from '../pipeline/republish';
import { decodeMessageId } from '../store/codec';
import { messagesHashes } from '../store/hashes';
import { pagesOf } from '../store/pages';
import { statusTaskOf, type Store } from '../store/store';
import { digestOf, plus, sameMessage, type SideName, viewOf } from './comparison';
import { withoutRetired, LISTED_MAX, readAligned, type Tally, type Work } from './aligned-read';

/* Compares every message. Pages are first compared without alignment; only messages that differ are read again, aligned. */

/** Compares the messages of a delivery that the active generation has. */
export function compareMessages(work: Work, tally: Tally, id: DeliveryId): Promise<void> {
  return comparePages(work, tally, id, 'active', (field, active, candidate) => {
    if (candidate === null || !sameMessage(work.sides, active, candidate)) return false;
    countEqual(work, tally, id, field, active);
    return true;
  });
}

/** Compares the messages of deliveries that only the candidate has. */
export async function compareOnlyInCandidate(
  work: Work,
  tally: Tally,
  ids: readonly DeliveryId[],
): Promise<void> {
  for (const id of await withoutRetired(work, tally.partition, ids))
    await comparePages(work, tally, id, 'candidate', (_, __, active) => active !== null);
}

/** Compares a delivery's messages on one side with the other side; again, aligned, those that are not settled so. */
async function comparePages(
  work: Work,
  tally: Tally,
  id: DeliveryId,
  side: SideName,
  isSettled: (field: Buffer, value: Buffer, other: Buffer | null) => boolean,
): Promise<void> {
  const { store, sides } = work;
  const otherSide = sides[side === 'active' ? 'candidate' : 'active'];
  for (const hash of messagesHashes(id, sides[side].buckets)) {
    if (!tally.comparable) return;
    for await (const page of pagesOf(store, statusTaskOf(sides[side], tally.partition), hash)) {
      const fields = page.map(([field]) => field);
      const others = await valuesOf(store, tally.partition, otherSide, id, fields);
      const unsettled = page.filter(
        ([field, value], index) => !isSettled(field, value, others[index] ?? null),
      );
      const differing = unsettled.map(([field]) => field);
      if (differing.length > 0) await compareAligned(work, tally, id, differing);
    }
  }
}

/** Compares messages again, once both sides have folded the same records. */
async function compareAligned(
  work: Work,
  tally: Tally,
  id: DeliveryId,
  fields: readonly Buffer[],
): Promise<void> {
  const both = await alignedValues(work, tally.partition, id, fields);
  if (both === null) {
    tally.comparable = false;
    return;
  }
  if ((await withoutRetired(work, tally.partition, [id])).length === 0) return;
  const { sides, findings } = work;
  const [ours, theirs] = both;
  fields.forEach((field, index) => {
    const [active, candidate] = [ours[index] ?? null, theirs[index] ?? null];
    if (active === null && candidate === null) return;
    if (active !== null && candidate !== null && sameMessage(sides, active, candidate))
      return countEqual(work, tally, id, field, active);
    if (active !== null) addDigest(tally, 'active', digestOf(sides, 'active', id, field, active));
    if (candidate !== null) addDigest(tally, 'candidate', digestOf(sides, 'candidate', id, field, candidate));
    tally.messages += 1;
    tally.differingMessages += 1;
    if (findings.listed.length >= LISTED_MAX) return;
    findings.listed.push({
      deliveryId: id,
      messageId: decodeMessageId(field),
      partition: tally.partition,
      active: active === null ? null : viewOf(active, sides.rules.active),
      candidate: candidate === null ? null : viewOf(candidate, sides.rules.candidate),
    });
  });
}

/** The values of messages on both sides, folded from the same records; null where the sides cannot be aligned. */
async function alignedValues(
  work: Work,
  partition: number,
  id: DeliveryId,
  fields: readonly Buffer[],
): Promise<[readonly (Buffer | null)[], readonly (Buffer | null)[]] | null> {
  const { store, sides } = work;
  let isAligned = true;
  const load: Store['load'] = async (_, reads) => {
    const aligned = await readAligned(work, partition, reads);
    isAligned = aligned !== null;
    return aligned?.values ?? reads.map(() => []);
  };
  const ours = await valuesOf({ load }, partition, sides.active, id, fields);
  const theirs = await valuesOf(store, partition, sides.candidate, id, fields);
  return isAligned ? [ours, theirs] : null;
}

function countEqual(work: Work, tally: Tally, id: DeliveryId, field: Buffer, value: Buffer): void {
  const digest = digestOf(work.sides, 'active', id, field, value);
  addDigest(tally, 'active', digest);
  addDigest(tally, 'candidate', digest);
  tally.messages += 1;
  work.findings.messages += 1;
  work.onProgress?.(work.findings.messages);
}

function addDigest({ digests }: Tally, side: SideName, digest: bigint): void {
  digests[side] = plus(digests[side], digest);
}
