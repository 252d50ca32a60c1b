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
import { type TimerIndex, entriesIn } from './timer-index';

/*
 * Time becomes feedback. Where a message's validity period has ended in silence, an inferred RetryOutcome goes to the
 * log, through the outbox like everything that leaves, and comes back as any other feedback does. Nothing else happens
 * here: the state changes when it is folded. So a replay of the topics needs no clock.
 *
 * A delivery is looked through when the first of its deadlines may have passed, some pages at a time, and then rests the
 * longer the more messages it has.
 */

/** A message whose validity period has ended in silence. */
export interface Expired {
  readonly kind: 'Expired';
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  /** The end of the validity period. */
  readonly at: Millis;
  readonly domainGroup: number;
}

/** A delivery has been looked through: no deadline that is still ahead is earlier than `soonest`. */
export interface ScanDone {
  readonly kind: 'LookedThrough';
  readonly deliveryId: DeliveryId;
  readonly soonest: Millis;
}

export interface ExpiryDeps {
  readonly address: TaskAddress;
  readonly buckets: number;
  readonly store: Pick<Store, 'scan'>;
  readonly clock: Clock;
  readonly defaultPolicy: PolicyName;
  /** How long after the end of a validity period the MTA may still speak, in milliseconds. */
  readonly graceMs: number;
}

/** Whose turn it is, and how far it has been looked through. */
interface Look {
  readonly deliveryId: DeliveryId;
  bucket: number;
  cursor: string;
  seen: number;
  soonest: Millis;
}

/** How often the agenda is looked at. */
const ROUND_MS = 1_000;
/** Pages of messages that are looked through between two batches. */
const PAGES_AT_ONCE = 20;
/** How long a delivery rests after it has been looked through, for each of its messages. */
const REST_MS_PER_MESSAGE = 0.1;

/**
 * What a task owes to time, page by page: asked after each commit of a task that has caught up with the log. One that has
 * not may be about to read that a message was delivered.
 */
export function expiryCommands(
  deps: ExpiryDeps,
  timerIndex: TimerIndex,
): () => AsyncGenerator<readonly (Expired | ScanDone)[]> {
  let look: Look | null = null;
  let nextRound = -Infinity;

  const begin = (now: Millis): Look | null => {
    if (now < nextRound) return null;
    for (const [deliveryId, waiting] of timerIndex) {
      if (waiting.soonest + deps.graceMs >= now || waiting.restsUntil > now) continue;
      waiting.added = Infinity;
      return { deliveryId, bucket: 0, cursor: '0', seen: 0, soonest: Infinity };
    }
    nextRound = now + ROUND_MS;
    return null;
  };

  return async function* () {
    for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
      const now = deps.clock.now();
      look ??= begin(now);
      if (look === null) return;
      const overdue = await nextPage(deps, look, now);
      if (overdue.length > 0) yield overdue;
      if (look.bucket < deps.buckets) continue;
      const { deliveryId, soonest, seen } = look;
      look = null;
      const waiting = entriesIn(timerIndex, deliveryId);
      waiting.restsUntil = now + seen * REST_MS_PER_MESSAGE;
      yield [{ kind: 'LookedThrough', deliveryId, soonest: Math.min(soonest, waiting.added) }];
    }
  };
}

/** Looks through one page: gives what has expired in it, and moves the look on. */
async function nextPage(deps: ExpiryDeps, look: Look, now: Millis): Promise<Expired[]> {
  const { deliveryId } = look;
  const hash = messagesHash(deliveryId, look.bucket);
  const { cursor, entries } = await deps.store.scan(deps.address, hash, look.cursor);
  const overdue: Expired[] = [];
  for (const [field, value] of entries) {
    const message = decodeMessage(value);
    const deadline = deadlineOf(message, deps.defaultPolicy);
    if (deadline === null) continue;
    if (deadline + deps.graceMs >= now) look.soonest = Math.min(look.soonest, deadline);
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
  look.seen += entries.length;
  look.cursor = cursor;
  if (cursor === '0') look.bucket += 1;
  return overdue;
}

/** The record by which a task tells the log, and so itself, that a message has expired. */
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
