import { assert } from '../base/assert';
import type { DeliveryId } from '../base/ids';
import type { Millis, PolicyName } from '../feedback/feedback';
import { deadlineOf } from '../status/deadline';
import type { MessageAggregate } from '../status/message';
import { TIMER_INDEX_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import { readStored } from '../store/damage';
import type { Store, TaskAddress } from '../store/store';

/*
 * The timer index of a status task: for each delivery, how many of its messages have a deadline, and a time before which
 * none of them expires. It is written in the commit that changes it, and costs Redis some bytes per delivery, none per
 * message. A scan of the delivery finds the messages that are due (expiry.ts).
 *
 * As stored, big-endian: u32 count, u48 soonest (all ones: none).
 */
const COUNT_BYTES = 4;
const TIME_BYTES = 6;
const NONE = 2 ** 48 - 1;

/** The messages of a delivery, in one partition, that have a deadline. */
export interface DeadlineEntry {
  count: number;
  /** Lower bound of the deadlines for which no expiry has been inferred yet; Infinity without a deadline. */
  soonest: Millis;
  /** The same for the deadlines added since the last scan of the delivery began. Not stored. */
  added: Millis;
  /** Earliest time of the next scan. Not stored. */
  nextScanAt: Millis;
}

/** By delivery. Owned by the task: changed in place by the batch that is about to be committed, like its caches. */
export type TimerIndex = Map<DeliveryId, DeadlineEntry>;

/** The entry of a delivery; an empty one where the index has none. */
export function entryOf(timerIndex: TimerIndex, delivery: DeliveryId): DeadlineEntry {
  return timerIndex.get(delivery) ?? { count: 0, soonest: Infinity, added: Infinity, nextScanAt: 0 };
}

/** Updates an entry by the change of one message. */
export function updateEntry(
  entry: DeadlineEntry,
  before: MessageAggregate | null,
  after: MessageAggregate,
  defaultPolicy: PolicyName,
): void {
  if (before !== null && deadlineOf(before, defaultPolicy) !== null) entry.count -= 1;
  const deadline = deadlineOf(after, defaultPolicy);
  if (deadline === null) return;
  entry.count += 1;
  if (deadline < entry.soonest) entry.soonest = deadline;
  if (deadline < entry.added) entry.added = deadline;
}

/**
 * Puts a delivery's entry into the index and returns its stored form, null where no message has a deadline any more. Where
 * the store is older than the index, counts are wrong, even negative: the store will refuse the commit.
 */
export function putEntry(timerIndex: TimerIndex, delivery: DeliveryId, entry: DeadlineEntry): Buffer | null {
  if (entry.count <= 0) {
    timerIndex.delete(delivery);
    return null;
  }
  timerIndex.set(delivery, entry);
  const bytes = Buffer.allocUnsafe(COUNT_BYTES + TIME_BYTES);
  bytes.writeUInt32BE(entry.count, 0);
  bytes.writeUIntBE(Math.min(entry.soonest, NONE), COUNT_BYTES, TIME_BYTES);
  return bytes;
}

/** The inverse of `putEntry`. Bytes of another length are a broken invariant. */
export function decodeDeadlineEntry(bytes: Buffer): DeadlineEntry {
  assert(bytes.length === COUNT_BYTES + TIME_BYTES, 'a deadline entry of another length is stored');
  const soonest = bytes.readUIntBE(COUNT_BYTES, TIME_BYTES);
  return {
    count: bytes.readUInt32BE(0),
    soonest: soonest === NONE ? Infinity : soonest,
    added: Infinity,
    nextScanAt: 0,
  };
}

/** Loads the timer index of a task that has just been claimed. */
export async function loadTimerIndex(
  timerIndex: TimerIndex,
  store: Pick<Store, 'scan'>,
  address: TaskAddress,
): Promise<void> {
  for await (const page of pagesOf(store, address, TIMER_INDEX_HASH)) {
    for (const [field, bytes] of page) {
      const entry = readStored(address, TIMER_INDEX_HASH, bytes, decodeDeadlineEntry);
      timerIndex.set(field.toString('utf8') as DeliveryId, entry);
    }
  }
}
