import type { DeliveryId } from '../base/ids';
import { valuesOf } from '../pipeline/republish';
import { decodeMessageId } from '../store/codec';
import { messagesHash } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Store } from '../store/store';
import { taskOf } from './candidate';
import { digestOf, plus, sameMessage, viewOf } from './comparison';
import { withoutRetired, LISTED_MAX, readAligned, type Tally, type Work } from './aligned-read';

/* Compares every message. Pages are first compared without alignment; only messages that differ are read again, aligned. */

export async function compareMessages(
  work: Work,
  partition: number,
  id: DeliveryId,
  tally: Tally,
): Promise<void> {
  const { store, sides } = work;
  for (let bucket = 0; bucket < sides.active.buckets && tally.comparable; bucket += 1) {
    const pages = pagesOf(store, taskOf(sides.active, partition), messagesHash(id, bucket));
    for await (const page of pages) {
      const fields = page.map(([field]) => field);
      const theirs = await valuesOf(store, partition, sides.candidate, id, fields);
      const differing = page.filter(([field, value], index) => {
        const other = theirs[index] ?? null;
        if (other === null || !sameMessage(sides, value, other)) return true;
        countEqual(work, tally, id, field, value);
        return false;
      });
      await compareAligned(
        work,
        partition,
        id,
        differing.map(([field]) => field),
        tally,
      );
    }
  }
}

/** Deliveries and messages of the candidate that the active generation does not have. */
export async function compareOnlyInCandidate(
  work: Work,
  partition: number,
  ids: readonly DeliveryId[],
  tally: Tally,
): Promise<void> {
  const { store, sides } = work;
  for (const id of await withoutRetired(work, ids)) {
    for (let bucket = 0; bucket < sides.candidate.buckets; bucket += 1) {
      const pages = pagesOf(store, taskOf(sides.candidate, partition), messagesHash(id, bucket));
      for await (const page of pages) {
        const fields = page.map(([field]) => field);
        const known = await valuesOf(store, partition, sides.active, id, fields);
        const unknown = fields.filter((_, index) => known[index] == null);
        await compareAligned(work, partition, id, unknown, tally);
      }
    }
  }
}

/** Compares messages again, once both sides have folded the same records. */
async function compareAligned(
  work: Work,
  partition: number,
  id: DeliveryId,
  fields: readonly Buffer[],
  tally: Tally,
): Promise<void> {
  if (fields.length === 0) return;
  const { sides, findings } = work;
  const both = await alignedValues(work, partition, id, fields);
  if (both === null) {
    tally.comparable = false;
    return;
  }
  if ((await withoutRetired(work, [id])).length === 0) return;
  const [ours, theirs] = both;
  fields.forEach((field, index) => {
    const [active, candidate] = [ours[index] ?? null, theirs[index] ?? null];
    if (active === null && candidate === null) return;
    if (active !== null && candidate !== null && sameMessage(sides, active, candidate)) {
      countEqual(work, tally, id, field, active);
      return;
    }
    if (active !== null) tally.active = plus(tally.active, digestOf(sides, id, field, active, sides.active));
    if (candidate !== null)
      tally.candidate = plus(tally.candidate, digestOf(sides, id, field, candidate, sides.candidate));
    tally.messages += 1;
    tally.differingMessages += 1;
    if (findings.listed.length >= LISTED_MAX) return;
    findings.listed.push({
      ...{ deliveryId: id, messageId: decodeMessageId(field), partition },
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
  const digest = digestOf(work.sides, id, field, value, work.sides.active);
  tally.active = plus(tally.active, digest);
  tally.candidate = plus(tally.candidate, digest);
  tally.messages += 1;
  work.findings.messages += 1;
  work.onProgress?.(work.findings.messages);
}
