import type { Clock } from '../base/clock';
import type { DeliveryId, MessageId } from '../base/ids';
import { inferredExpiry } from '../feedback/inferred-expiry';
import type { Millis, PolicyName, RetryOutcome } from '../feedback/feedback';
import { RETRY_OUTCOME_TOPIC } from '../feedback/topics';
import type { DomainGroups } from '../kpi/domains';
import type { WireType } from '../kpi/encode';
import type { OutgoingRecord } from '../log/sink';
import { deadlineOf } from '../status/deadline';
import { decodeMessage, decodeMessageId } from '../store/codec';
import { messagesHash } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';
import { type TimerIndex, entryOf } from './timer-index';

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
  readonly kind: 'Expired';
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  /** The end of the validity period. */
  readonly at: Millis;
  readonly domainGroup: number;
}

/** A scan of a delivery has ended: none of its future deadlines is earlier than `soonest`. */
export interface ScanDone {
  readonly kind: 'ScanDone';
  readonly deliveryId: DeliveryId;
  readonly soonest: Millis;
}

export interface ExpiryDeps {
  readonly address: TaskAddress;
  readonly buckets: number;
  readonly store: Pick<Store, 'scan'>;
  readonly clock: Clock;
  readonly defaultPolicy: PolicyName;
  /** How long after the end of a validity period the MTA may still report an outcome, in milliseconds. */
  readonly graceMs: number;
}

/** The scan in progress: of which delivery, and its progress. */
interface Scan {
  readonly deliveryId: DeliveryId;
  bucket: number;
  cursor: string;
  seen: number;
  soonest: Millis;
}

/** How often the timer index is checked. */
const CHECK_MS = 1_000;
/** Pages of messages that are scanned between two batches. */
const PAGES_AT_ONCE = 20;
/** Pause between two scans of a delivery, for each of its messages. */
const PAUSE_MS_PER_MESSAGE = 0.1;

/**
 * The expiry commands of a task, page by page, after each commit of a task that has caught up with the log. A task that
 * has not caught up may still read that a message was delivered.
 */
export function expiryCommands(
  deps: ExpiryDeps,
  timerIndex: TimerIndex,
): () => AsyncGenerator<readonly (Expired | ScanDone)[]> {
  let scan: Scan | null = null;
  let nextCheck = -Infinity;

  const begin = (now: Millis): Scan | null => {
    if (now < nextCheck) return null;
    for (const [deliveryId, entry] of timerIndex) {
      if (entry.soonest + deps.graceMs >= now || entry.nextScanAt > now) continue;
      entry.added = Infinity;
      return { deliveryId, bucket: 0, cursor: '0', seen: 0, soonest: Infinity };
    }
    nextCheck = now + CHECK_MS;
    return null;
  };

  return async function* () {
    for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
      const now = deps.clock.now();
      scan ??= begin(now);
      if (scan === null) return;
      const overdue = await nextPage(deps, scan, now);
      if (overdue.length > 0) yield overdue;
      if (scan.bucket < deps.buckets) continue;
      const { deliveryId, soonest, seen } = scan;
      scan = null;
      const entry = entryOf(timerIndex, deliveryId);
      entry.nextScanAt = now + seen * PAUSE_MS_PER_MESSAGE;
      yield [{ kind: 'ScanDone', deliveryId, soonest: Math.min(soonest, entry.added) }];
    }
  };
}

/** Scans one page: returns the messages in it that have expired, and advances the scan. */
async function nextPage(deps: ExpiryDeps, scan: Scan, now: Millis): Promise<Expired[]> {
  const { deliveryId } = scan;
  const hash = messagesHash(deliveryId, scan.bucket);
  const { cursor, entries } = await deps.store.scan(deps.address, hash, scan.cursor);
  const overdue: Expired[] = [];
  for (const [field, value] of entries) {
    const message = decodeMessage(value);
    const deadline = deadlineOf(message, deps.defaultPolicy);
    if (deadline === null) continue;
    if (deadline + deps.graceMs >= now) scan.soonest = Math.min(scan.soonest, deadline);
    else {
      const { domainGroup } = message.relay;
      overdue.push({
        kind: 'Expired',
        deliveryId,
        messageId: decodeMessageId(field),
        at: deadline,
        domainGroup,
      });
    }
  }
  scan.seen += entries.length;
  scan.cursor = cursor;
  if (cursor === '0') scan.bucket += 1;
  return overdue;
}

/** The record that reports a message as expired. The task reads it back from the log. */
export function expiryRecord(
  expired: Expired,
  rules: {
    readonly partition: number;
    readonly groups: DomainGroups;
    readonly retryOutcome: WireType<RetryOutcome>;
  },
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
