import type { Clock } from '../base/clock';
import type { DeliveryId, MessageId } from '../base/ids';
import { inferredExpiry } from '../feedback/inferred-expiry';
import type { Millis } from '../feedback/feedback';
import { RETRY_OUTCOME_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';
import { deadlineOf } from '../status/deadline';
import { decodeMessage, decodeMessageId } from '../store/codec';
import { messagesHashes, TIMER_INDEX_HASH } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';
import { emitting, writing } from './effects';
import { type Page, resumableScan } from './resumable-scan';
import type { StatusRules } from './status-records';
import { type TimerIndex, entryOf, putEntry } from './timer-index';

/*
 * Time becomes feedback. Where a message's validity period has ended without an outcome, the task publishes an inferred
 * RetryOutcome, through the outbox like every outgoing record, and reads it back like any other feedback. Nothing else
 * happens here: the state changes when that record is folded. So a replay of the topics needs no clock.
 *
 * A delivery is scanned when the first of its deadlines may have passed, some pages at a time. The pause until its next
 * scan grows with the number of its messages.
 */

/** A message whose validity period has ended without an outcome. */
export interface Expired {
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  /** The end of the validity period. */
  readonly at: Millis;
  readonly domainGroup: number;
}

export interface ExpiryDeps {
  readonly address: TaskAddress;
  readonly rules: ExpiryRules;
  readonly store: Pick<Store, 'scan'>;
  readonly clock: Clock;
  /** How long after the end of a validity period the MTA may still report an outcome, in milliseconds. */
  readonly graceMs: number;
}

type ExpiryRules = Pick<StatusRules, 'buckets' | 'defaultPolicy' | 'partition' | 'groups' | 'retryOutcome'>;

/** The findings of a delivery's scan so far. */
interface Scanned {
  readonly deliveryId: DeliveryId;
  seen: number;
  /** The earliest of the future deadlines. */
  soonest: Millis;
}

/** How often the timer index is checked. */
const CHECK_MS = 1_000;
/** Pages of messages that are scanned between two batches. */
const BUDGET = { pages: 20, entries: Infinity };
/** Pause between two scans of a delivery, for each of its messages. */
const PAUSE_MS_PER_MESSAGE = 0.1;

/**
 * The expiries of a task, page by page, after each commit of a task that has caught up with the log. A task that
 * has not caught up may still read that a message was delivered.
 */
export function expiries(deps: ExpiryDeps, timerIndex: TimerIndex) {
  const { rules, graceMs } = deps;
  let nextCheck = -Infinity;
  return resumableScan<Scanned>(deps, BUDGET, {
    async begin(now) {
      if (now < nextCheck) return null;
      for (const [deliveryId, entry] of timerIndex) {
        if (entry.soonest + graceMs >= now || entry.nextScanAt > now) continue;
        entry.added = Infinity;
        const hashes = messagesHashes(deliveryId, rules.buckets);
        return { subject: { deliveryId, seen: 0, soonest: Infinity }, hashes };
      }
      nextCheck = now + CHECK_MS;
      return null;
    },
    async *page(scanned, { entries }, now) {
      const expired = expiredAmong(entries, scanned, deps, now);
      if (expired.length > 0) yield emitting(expired.map((each) => expiryRecord(each, rules)));
    },
    *end({ deliveryId, seen, soonest }, now) {
      const entry = entryOf(timerIndex, deliveryId);
      entry.nextScanAt = now + seen * PAUSE_MS_PER_MESSAGE;
      entry.soonest = Math.min(soonest, entry.added);
      const entries = [[Buffer.from(deliveryId, 'utf8'), putEntry(timerIndex, deliveryId, entry)] as const];
      yield writing([{ hash: TIMER_INDEX_HASH, entries }]);
    },
  });
}

/** The messages in a page that have expired. Adds the others to what was found so far. */
function expiredAmong(
  entries: Page['entries'],
  scanned: Scanned,
  { rules, graceMs }: ExpiryDeps,
  now: Millis,
): Expired[] {
  const { deliveryId } = scanned;
  const expired: Expired[] = [];
  scanned.seen += entries.length;
  for (const [field, value] of entries) {
    const message = decodeMessage(value);
    const at = deadlineOf(message, rules.defaultPolicy);
    if (at === null) continue;
    const { domainGroup } = message.relay;
    if (at + graceMs >= now) scanned.soonest = Math.min(scanned.soonest, at);
    else expired.push({ deliveryId, messageId: decodeMessageId(field), at, domainGroup });
  }
  return expired;
}

/** The record that reports a message as expired. The task reads it back from the log. */
export function expiryRecord(
  expired: Expired,
  rules: Pick<ExpiryRules, 'partition' | 'groups' | 'retryOutcome'>,
): OutgoingRecord {
  const { deliveryId, messageId, at, domainGroup } = expired;
  return {
    topic: RETRY_OUTCOME_TOPIC,
    partition: rules.partition,
    key: Buffer.from(messageId, 'utf8'),
    value: rules.retryOutcome.encode(
      inferredExpiry(deliveryId, messageId, at, rules.groups.domainOf(domainGroup)),
    ),
  };
}
