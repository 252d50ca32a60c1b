import type { DeliveryId } from '../base/ids';
import type { Millis, PolicyName } from '../feedback/feedback';
import { deadlineOf } from '../status/deadline';
import type { MessageAggregate } from '../status/message';
import { WAITING_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Store, TaskAddress } from '../store/store';

/*
 * The timer index of a status task: for each delivery, how many of its messages silence may yet expire, and a time
 * before which none of them does. It is written in the commit that changes it, and costs Redis some bytes per delivery,
 * none per message. Which messages are due is found by looking through the delivery (expiry.ts).
 *
 * As stored, big-endian: u32 count, u48 soonest (all ones: none).
 */
const COUNT_BYTES = 4;
const TIME_BYTES = 6;
const NONE = 2 ** 48 - 1;

/** The messages of a delivery, in one partition, that have a deadline. */
export interface DeadlineEntry {
  count: number;
  /** None of the deadlines for which nothing has been inferred yet is earlier. Infinity where there is none. */
  soonest: Millis;
  /** The same of those that came since the delivery was last looked through, or began to be. Not stored. */
  added: Millis;
  /** When it may be looked through again. Not stored. */
  restsUntil: Millis;
}

/** By delivery. The task's own: changed in place by the batch that is about to be committed, like what it recalls. */
export type TimerIndex = Map<DeliveryId, DeadlineEntry>;

/** What is known of a delivery; nothing waits where nothing is known. */
export function entriesIn(timerIndex: TimerIndex, delivery: DeliveryId): DeadlineEntry {
  return timerIndex.get(delivery) ?? { count: 0, soonest: Infinity, added: Infinity, restsUntil: 0 };
}

/** Moves the index by what a batch made of one message. */
export function moveEntry(
  waiting: DeadlineEntry,
  before: MessageAggregate | null,
  after: MessageAggregate,
  defaultPolicy: PolicyName,
): void {
  if (before !== null && deadlineOf(before, defaultPolicy) !== null) waiting.count -= 1;
  const deadline = deadlineOf(after, defaultPolicy);
  if (deadline === null) return;
  waiting.count += 1;
  if (deadline < waiting.soonest) waiting.soonest = deadline;
  if (deadline < waiting.added) waiting.added = deadline;
}

/**
 * Puts what a batch made of a delivery's index on the agenda; gives its stored form, null where nothing waits any more.
 * Where the store has come back older than the agenda, counts are nonsense, below zero even: the commit will be refused.
 */
export function enter(timerIndex: TimerIndex, delivery: DeliveryId, waiting: DeadlineEntry): Buffer | null {
  if (waiting.count <= 0) {
    timerIndex.delete(delivery);
    return null;
  }
  timerIndex.set(delivery, waiting);
  const bytes = Buffer.allocUnsafe(COUNT_BYTES + TIME_BYTES);
  bytes.writeUInt32BE(waiting.count, 0);
  bytes.writeUIntBE(Math.min(waiting.soonest, NONE), COUNT_BYTES, TIME_BYTES);
  return bytes;
}

/** What `enter` gave to be stored. */
export function waitingStored(bytes: Buffer): DeadlineEntry {
  const soonest = bytes.readUIntBE(COUNT_BYTES, TIME_BYTES);
  return {
    count: bytes.readUInt32BE(0),
    soonest: soonest === NONE ? Infinity : soonest,
    added: Infinity,
    restsUntil: 0,
  };
}

/** Fills the agenda of a task that has just been claimed from the store. */
export async function recallTimerIndex(
  timerIndex: TimerIndex,
  store: Pick<Store, 'scan'>,
  address: TaskAddress,
): Promise<void> {
  for await (const page of pagesOf(store, address, WAITING_HASH)) {
    for (const [field, bytes] of page) {
      timerIndex.set(field.toString('utf8') as DeliveryId, waitingStored(bytes));
    }
  }
}
