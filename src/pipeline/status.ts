import type { Feedback, FeedbackKind, Millis, PolicyName } from '../feedback/feedback';
import type { RetryOutcome } from '../feedback/records';
import { partitionOf } from '../log/partitioner';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS, MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import { type CountingRules, countMessage } from '../kpi/contribution';
import type { Contribution, MessageStatusChanged, WireType } from '../kpi/encode';
import { emptySum, largest, namePolicy } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan, Projected } from '../pipeline';
import { evolve } from '../status/evolve';
import type { MessageAggregate } from '../status/message';
import { type MessageStatus, statusOf } from '../status/projection';
import { CONTRIBUTIONS_HASH, FLAGS_HASH, TIMER_INDEX_HASH } from '../store/hashes';
import { entryPacker } from '../store/messages';
import type { Read, Write } from '../store/store';
import { expiryRecord } from './expiry';
import { BARRIER_SENT, flagEntry, FOLDED_UNTIL } from './flags';
import { type BoundedCache, boundedCache } from '../base/bounded-cache';
import { stateKey } from './state-id';
import { contributionOf, messageIn, refuseMessages } from './status-state';
import { isCommand, type StatusRepublished, type StatusCommand, type StatusInput } from './status-input';
import { groupByDelivery, type TouchedDelivery, type TouchedHash, type TouchedMessage } from './batch-index';
import { type TimerIndex, putEntry, updateEntry, type DeadlineEntry, entryOf } from './timer-index';

/** The rules of one task's status pipeline. Fixed while the task is owned. */
export interface StatusRules extends CountingRules {
  readonly stateId: number;
  /** The number that published records carry. */
  readonly generation: number;
  readonly partition: number;
  readonly partitions: number;
  readonly buckets: number;
  readonly contribution: WireType<Contribution>;
  /** Null where changes of single messages are not published. */
  readonly statusChanged: WireType<MessageStatusChanged> | null;
  readonly retryOutcome: WireType<RetryOutcome>;
}

/** The in-memory state of a status task's owner. */
export interface StatusMemory {
  readonly contributions: BoundedCache<Contribution>;
  /** Until when a delivery is taken not to be retired (late-records.ts). */
  readonly activeUntil: BoundedCache<Millis>;
  /** Complete, unlike the cache: a delivery that is not in it has no deadlines. */
  readonly timerIndex: TimerIndex;
  /** While true, nothing that is folded is published; it is republished on resume (republish.ts). */
  suppressed: boolean;
}

/** Deliveries whose contribution a status task caches. */
const DELIVERIES_CACHED = 256;
/** Deliveries of which it caches that they are not retired. */
const ACTIVE_DELIVERIES_CACHED = 10_000;

/** The memory of a task that has just been claimed; its timer index is still to be loaded. */
export function statusMemory(deliveriesCached = DELIVERIES_CACHED): StatusMemory {
  return {
    contributions: boundedCache(deliveriesCached),
    activeUntil: boundedCache(ACTIVE_DELIVERIES_CACHED),
    timerIndex: new Map(),
    suppressed: false,
  };
}

/** Folds a batch of feedback into the aggregates of its messages and into the contributions of their deliveries. */
export function planStatus(rules: StatusRules, inputs: readonly StatusInput[], memory: StatusMemory): Plan {
  const deliveries = groupByDelivery(inputs, rules.buckets, memory.contributions);
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
          const share = { sum, deadlines, suppressed: memory.suppressed };
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
      for (const input of inputs) if (isCommand(input)) runCommand(rules, input, memory, projected);
      return projected satisfies Projected;
    },
  };
}

function runCommand(
  rules: StatusRules,
  command: StatusCommand,
  { timerIndex, contributions }: StatusMemory,
  { writes, outgoing }: { writes: Write[]; outgoing: OutgoingRecord[] },
): void {
  switch (command.kind) {
    case 'CaughtUp':
      writes.push({ hash: FLAGS_HASH, entries: [flagEntry(BARRIER_SENT, rules.generation)] });
      outgoing.push(...barriers(rules));
      break;
    case 'Republished':
      outgoing.push(contributionRecord(rules, Buffer.from(command.deliveryId, 'utf8'), command.contribution));
      break;
    case 'StatusRepublished':
      outgoing.push(...statusRepublication(rules, command));
      break;
    case 'Expired':
      outgoing.push(expiryRecord(command, rules));
      break;
    case 'ScanDone': {
      const deadlines = entryOf(timerIndex, command.deliveryId);
      deadlines.soonest = command.soonest;
      const entry = putEntry(timerIndex, command.deliveryId, deadlines);
      writes.push({ hash: TIMER_INDEX_HASH, entries: [[Buffer.from(command.deliveryId, 'utf8'), entry]] });
      break;
    }
    case 'FoldedUntil':
      writes.push({ hash: FLAGS_HASH, entries: [flagEntry(FOLDED_UNTIL, command.at)] });
      break;
    case 'EvictMessages':
      writes.push({ hash: command.hash, entries: command.fields.map((field) => [field, null] as const) });
      break;
    case 'EvictDelivery': {
      const gone = [[Buffer.from(command.deliveryId, 'utf8'), null]] as const;
      writes.push({ hash: CONTRIBUTIONS_HASH, entries: gone }, { hash: TIMER_INDEX_HASH, entries: gone });
      contributions.drop(command.deliveryId);
      timerIndex.delete(command.deliveryId);
      break;
    }
  }
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const unknown = deliveries.filter((delivery) => delivery.known === null);
  const reads: Read[] = [{ hash: CONTRIBUTIONS_HASH, fields: unknown.map((delivery) => delivery.field) }];
  for (const delivery of deliveries) {
    for (const { name, fields } of delivery.hashes) reads.push({ hash: name, fields });
  }
  return reads;
}

/** Folds the messages of one hash, updates the sum by their changes, and returns the entries that changed. */
function foldMessages(
  rules: StatusRules,
  {
    sum,
    deadlines,
    suppressed,
  }: { readonly sum: Contribution; readonly deadlines: DeadlineEntry; suppressed: boolean },
  { name, messages, fields }: TouchedHash,
  loaded: readonly (Buffer | null)[],
  outgoing: OutgoingRecord[],
): Write['entries'] {
  const packer = entryPacker(fields);
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index]!;
    const before = messageIn(rules, name, loaded[index] ?? null);
    const after = foldMessage(message, before, rules);
    const changed = after !== before;
    packer.next(changed ? after : null);
    if (!changed) continue;
    if (before !== null) countMessage(sum, before, -1, rules);
    countMessage(sum, after, 1, rules);
    updateEntry(deadlines, before, after, rules.defaultPolicy);
    if (rules.statusChanged === null || suppressed) continue;
    const previous = before === null ? null : statusOf(before, rules.defaultPolicy);
    const change = statusChange(rules, sum.deliveryId ?? '', message.id, previous, after);
    if (change !== null) outgoing.push(statusRecord(rules, rules.statusChanged, change));
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

/**
 * Contributions of one delivery share a partition; the key contains the state id and the status partition, so that
 * compaction keeps them all.
 */
function contributionRecord(rules: StatusRules, delivery: Buffer, value: Buffer): OutgoingRecord {
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: partitionOf(delivery, rules.partitions),
    key: Buffer.concat([delivery, stateKey(rules, rules.partition)]),
    value,
  };
}

/** The barriers to every kpi task: this partition has folded everything up to the generation's catch-up offsets. */
function barriers(rules: StatusRules): OutgoingRecord[] {
  const { stateId, partition, generation: revision } = rules;
  const barrier = { ...emptySum('', stateId), deliveryId: null, partition, revision };
  const value = rules.contribution.encode(barrier);
  const key = stateKey(rules, partition);
  return Array.from({ length: rules.partitions }, (_, partition) => ({
    topic: CONTRIBUTIONS_TOPIC,
    partition,
    key,
    value,
  }));
}

function statusRepublication(
  rules: StatusRules,
  { deliveryId, messageId, before, message }: StatusRepublished,
): OutgoingRecord[] {
  const change = statusChange(rules, deliveryId, messageId, before, message);
  return change === null || rules.statusChanged === null
    ? []
    : [statusRecord(rules, rules.statusChanged, change)];
}

/** The change of a message's status, reason or type, or null where it has none. */
function statusChange(
  rules: { readonly generation: number; readonly defaultPolicy: PolicyName },
  deliveryId: string,
  messageId: string,
  previous: MessageStatus | null,
  after: MessageAggregate,
): MessageStatusChanged | null {
  const current = statusOf(after, rules.defaultPolicy);
  if (
    previous?.status === current.status &&
    previous.reason === current.reason &&
    previous.failureType === current.failureType
  )
    return null;
  const occurredAt = (after.outcome ?? after.softBounce ?? after.relay).at;
  const { generation } = rules;
  return {
    deliveryId,
    messageId,
    generation,
    occurredAt,
    previousStatus: previous?.status ?? null,
    ...current,
  };
}

function statusRecord(
  rules: StatusRules,
  type: WireType<MessageStatusChanged>,
  change: MessageStatusChanged,
): OutgoingRecord {
  const key = Buffer.from(`${change.deliveryId}/${change.messageId}`, 'utf8');
  return {
    topic: MESSAGE_STATUS_TOPIC,
    partition: partitionOf(key, rules.partitions),
    key,
    value: type.encode(change),
  };
}
