import type { DeliveryId } from '../base/ids';
import { type BoundedCache, boundedCache } from '../base/bounded-cache';
import type { Feedback, FeedbackKind } from '../feedback/feedback';
import { FEEDBACK_TOPICS } from '../feedback/topics';
import { countMessage } from '../kpi/contribution';
import type { Contribution } from '../kpi/encode';
import { largest, namePolicy } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan, Projected } from '../pipeline';
import { evolve } from '../status/evolve';
import type { MessageAggregate } from '../status/message';
import { statusOf } from '../status/projection';
import { CONTRIBUTIONS_HASH, TIMER_INDEX_HASH } from '../store/hashes';
import { entryPacker } from '../store/messages';
import type { Read, Write } from '../store/store';
import { contributionOf, messageIn, refuseMessages } from './status-state';
import { contributionRecord, statusRecords, type StatusRules } from './status-records';
import { groupByDelivery, type TouchedDelivery, type TouchedHash, type TouchedMessage } from './batch-index';
import type { CachedMessages, MessageCache } from './message-cache';
import { type TimerIndex, putEntry, updateEntry, type DeadlineEntry, entryOf } from './timer-index';

/** The in-memory state of a status task's owner. */
export interface StatusMemory {
  readonly contributions: BoundedCache<Contribution>;
  /** Deliveries that are known not to be retired (late-records.ts). */
  readonly open: BoundedCache<true>;
  readonly messages: MessageCache;
  /** Complete, unlike the caches: a delivery that is not in it has no deadlines. */
  readonly timerIndex: TimerIndex;
  /** Complete: the retired deliveries whose messages are still to be deleted (eviction.ts). */
  readonly evicting: Set<DeliveryId>;
  /** While true, nothing that is folded is published (publishing.ts). */
  suppressed: boolean;
}

/** Deliveries whose contribution a status task caches. */
const DELIVERIES_CACHED = 256;
/** Deliveries of which it caches that they are not retired. */
const OPEN_DELIVERIES_CACHED = 10_000;

/** The memory of a task that has just been claimed; what is complete in it is still to be loaded. */
export function statusMemory(messages: MessageCache, deliveriesCached = DELIVERIES_CACHED): StatusMemory {
  return {
    messages,
    contributions: boundedCache(deliveriesCached),
    open: boundedCache(OPEN_DELIVERIES_CACHED),
    timerIndex: new Map(),
    evicting: new Set(),
    suppressed: false,
  };
}

/** Folds a batch of feedback into the aggregates of its messages and into the contributions of their deliveries. */
export function planStatus(rules: StatusRules, inputs: readonly Feedback[], memory: StatusMemory): Plan {
  const deliveries = groupByDelivery(inputs, rules.buckets, memory);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const projected: { writes: Write[]; outgoing: OutgoingRecord[] } = { writes: [], outgoing: [] };
      const contributions: (readonly [Buffer, Buffer])[] = [];
      const timers: (readonly [Buffer, Buffer | null])[] = [];
      const stored = loaded[0]?.values();
      let read = 0;
      for (const delivery of deliveries) {
        const sum = delivery.known ?? contributionOf(rules, delivery.id, stored?.next().value ?? null);
        const deadlines = entryOf(memory.timerIndex, delivery.id);
        const { count, soonest } = deadlines;
        const isEmpty = sum.relayed === 0;
        for (const hash of delivery.hashes) {
          read += 1;
          if (isEmpty) refuseMessages(rules, hash.name, loaded[read] ?? []);
          const share = { sum, deadlines, cached: delivery.cached, suppressed: memory.suppressed };
          const entries = foldMessages(rules, share, hash, loaded[read] ?? [], projected.outgoing);
          if (entries.length > 0) projected.writes.push({ hash: hash.name, entries });
        }
        foldFacts(sum, delivery.feedback);
        memory.contributions.put(delivery.id, sum);
        if (deadlines.count !== count || deadlines.soonest !== soonest)
          timers.push([delivery.field, putEntry(memory.timerIndex, delivery.id, deadlines)]);
        const value = rules.contribution.encode(sum);
        contributions.push([delivery.field, value]);
        if (!memory.suppressed) projected.outgoing.push(contributionRecord(rules, delivery.field, value));
      }
      if (contributions.length > 0)
        projected.writes.push({ hash: CONTRIBUTIONS_HASH, entries: contributions });
      if (timers.length > 0) projected.writes.push({ hash: TIMER_INDEX_HASH, entries: timers });
      return projected satisfies Projected;
    },
  };
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const unknown = deliveries.filter((delivery) => delivery.known === null);
  const reads: Read[] = [{ hash: CONTRIBUTIONS_HASH, fields: unknown.map((delivery) => delivery.field) }];
  for (const delivery of deliveries) {
    for (const { name, unread } of delivery.hashes) reads.push({ hash: name, fields: unread });
  }
  return reads;
}

/** What the messages of a delivery are folded into. */
interface Share extends Pick<StatusMemory, 'suppressed'> {
  readonly sum: Contribution;
  readonly deadlines: DeadlineEntry;
  readonly cached: CachedMessages;
}

/** Folds the messages of one hash, updates the sum by their changes, and returns the entries that changed. */
function foldMessages(
  rules: StatusRules,
  { sum, deadlines, cached, suppressed }: Share,
  { name, messages, fields }: TouchedHash,
  loaded: readonly (Buffer | null)[],
  outgoing: OutgoingRecord[],
): Write['entries'] {
  const packer = entryPacker(fields, cached.put);
  const deliveryId = sum.deliveryId ?? '';
  let read = 0;
  for (const message of messages) {
    const { before = messageIn(rules, name, loaded[read++] ?? null) } = message;
    const after = foldMessage(message, before, rules);
    const changed = after !== before;
    packer.next(changed ? after : null, message.hash);
    if (!changed) continue;
    if (before !== null) countMessage(sum, before, -1, rules);
    countMessage(sum, after, 1, rules);
    updateEntry(deadlines, before, after, rules.defaultPolicy);
    if (rules.statusChanged === null || suppressed) continue;
    const previous = before === null ? null : statusOf(before, rules.defaultPolicy);
    outgoing.push(...statusRecords(rules, { deliveryId, messageId: message.id, before: previous, after }));
  }
  return packer.entries();
}

function foldMessage(
  { feedback, more }: TouchedMessage,
  before: MessageAggregate | null,
  { groups }: StatusRules,
): MessageAggregate {
  let after = evolve(before, feedback, groups.indexOf);
  if (more !== null) for (const further of more) after = evolve(after, further, groups.indexOf);
  return after;
}

const TOPIC_OF = Object.fromEntries(FEEDBACK_TOPICS.map(({ kind }, index) => [kind, index])) as Record<
  FeedbackKind,
  number
>;

/** Folds the facts of a delivery beside its messages: the policies named, its size, the progress of its feedback. */
function foldFacts(sum: Contribution, inputs: readonly Feedback[]): void {
  for (const feedback of inputs) {
    const topic = TOPIC_OF[feedback.kind];
    sum.revision += 1;
    sum.folded[topic] = (sum.folded[topic] ?? 0) + 1;
    if (feedback.occurredAt > sum.asOf) sum.asOf = feedback.occurredAt;
    if (feedback.kind !== 'Relayed') continue;
    if (feedback.policy !== null) namePolicy(sum, feedback.policy);
    sum.deliverySize = largest(sum.deliverySize, feedback.deliverySize);
  }
}
