import type { DeliveryId } from '../base/ids';
import type { Feedback, FeedbackKind, PolicyName, RetryOutcome } from '../feedback/feedback';
import { partitionOf } from '../log/partitioner';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS, MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import { type CountingRules, countMessage } from '../kpi/contribution';
import type { Contribution, MessageStatusChanged, WireType } from '../kpi/encode';
import { emptySum, largest } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan, Projected } from '../pipeline';
import { evolve } from '../status/evolve';
import type { MessageAggregate } from '../status/message';
import { type MessageStatus, statusOf } from '../status/projection';
import { decodeMessage } from '../store/codec';
import { CONTRIBUTIONS_HASH, FLAGS_HASH, numberField, WAITING_HASH } from '../store/hashes';
import { entryPacker } from '../store/messages';
import type { Read, Write } from '../store/store';
import { expiryRecord } from './expiry';
import { SENT_FIELD } from './publish-gate';
import { type LruCache, lruCache } from '../base/lru';
import { FOLDED_UNTIL_FIELD } from './retention';
import { isCommand, type Restated, type StatusCommand, type StatusInput } from './status-input';
import { groupByDelivery, type TouchedDelivery, type TouchedHash, type TouchedMessage } from './batch-index';
import { type TimerIndex, enter, moveEntry, type DeadlineEntry, entriesIn } from './timer-index';

/** What the status pipeline of one task is made of. Fixed while the task is held. */
export interface StatusRules extends CountingRules {
  readonly stateId: number;
  /** The number that published records carry. */
  readonly generation: number;
  readonly partition: number;
  readonly partitions: number;
  readonly buckets: number;
  readonly contribution: WireType<Contribution>;
  /** Null where no record per change of a message is wanted. */
  readonly statusChanged: WireType<MessageStatusChanged> | null;
  readonly retryOutcome: WireType<RetryOutcome>;
}

/** What the owner of a status task remembers of its state. */
export interface StatusMemory {
  readonly contributions: LruCache<Contribution>;
  /** Complete, unlike what is recalled: what is not on it does not wait. */
  readonly timerIndex: TimerIndex;
  /** While true, nothing is published of what is folded: it is announced when the silence ends (announce.ts). */
  suppressed: boolean;
}

/** Deliveries whose contribution a status task remembers. */
const DELIVERIES_RECALLED = 256;

/** The memory of a task that has just been claimed; its agenda is still to be recalled. */
export function statusMemory(deliveriesRecalled = DELIVERIES_RECALLED): StatusMemory {
  return { contributions: lruCache(deliveriesRecalled), timerIndex: new Map(), suppressed: false };
}

/** Folds a batch of feedback into the aggregates it touches and into the contributions of their deliveries. */
export function planStatus(rules: StatusRules, inputs: readonly StatusInput[], memory: StatusMemory): Plan {
  const deliveries = groupByDelivery(inputs, rules.buckets, memory.contributions);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const projected: { writes: Write[]; outgoing: OutgoingRecord[] } = { writes: [], outgoing: [] };
      const contributions: (readonly [Buffer, Buffer])[] = [];
      const waits: (readonly [Buffer, Buffer | null])[] = [];
      const stored = loaded[0]?.values();
      let read = 0;
      for (const delivery of deliveries) {
        const sum = delivery.known ?? contributionOf(rules, delivery.id, stored?.next().value ?? null);
        const waiting = entriesIn(memory.timerIndex, delivery.id);
        const { count, soonest } = waiting;
        for (const hash of delivery.hashes) {
          read += 1;
          const share = { sum, waiting, suppressed: memory.suppressed };
          const entries = foldMessages(rules, share, hash, loaded[read] ?? [], projected.outgoing);
          if (entries.length > 0) projected.writes.push({ hash: hash.name, entries });
        }
        noteFacts(sum, delivery.feedback);
        memory.contributions.put(delivery.id, sum);
        if (waiting.count !== count || waiting.soonest !== soonest)
          waits.push([delivery.field, enter(memory.timerIndex, delivery.id, waiting)]);
        const value = rules.contribution.encode(sum);
        contributions.push([delivery.field, value]);
        if (!memory.suppressed) projected.outgoing.push(contributionRecord(rules, delivery.field, value));
      }
      if (contributions.length > 0)
        projected.writes.push({ hash: CONTRIBUTIONS_HASH, entries: contributions });
      if (waits.length > 0) projected.writes.push({ hash: WAITING_HASH, entries: waits });
      for (const input of inputs) if (isCommand(input)) runCommand(rules, input, memory, projected);
      return projected satisfies Projected;
    },
  };
}

function runCommand(
  rules: StatusRules,
  duty: StatusCommand,
  { timerIndex, contributions }: StatusMemory,
  { writes, outgoing }: { writes: Write[]; outgoing: OutgoingRecord[] },
): void {
  switch (duty.kind) {
    case 'CaughtUp':
      writes.push({ hash: FLAGS_HASH, entries: [[SENT_FIELD, numberField(rules.generation)]] });
      outgoing.push(...barriers(rules));
      break;
    case 'Announced':
      outgoing.push(contributionRecord(rules, Buffer.from(duty.deliveryId, 'utf8'), duty.contribution));
      break;
    case 'Restated':
      outgoing.push(...restated(rules, duty));
      break;
    case 'Expired':
      outgoing.push(expiryRecord(duty, rules));
      break;
    case 'LookedThrough': {
      const waiting = entriesIn(timerIndex, duty.deliveryId);
      waiting.soonest = duty.soonest;
      const entry = enter(timerIndex, duty.deliveryId, waiting);
      writes.push({ hash: WAITING_HASH, entries: [[Buffer.from(duty.deliveryId, 'utf8'), entry]] });
      break;
    }
    case 'FoldedUntil':
      writes.push({ hash: FLAGS_HASH, entries: [[FOLDED_UNTIL_FIELD, numberField(duty.at)]] });
      break;
    case 'ForgetMessages':
      writes.push({ hash: duty.hash, entries: duty.fields.map((field) => [field, null] as const) });
      break;
    case 'ForgetDelivery': {
      const gone = [[Buffer.from(duty.deliveryId, 'utf8'), null]] as const;
      writes.push({ hash: CONTRIBUTIONS_HASH, entries: gone }, { hash: WAITING_HASH, entries: gone });
      contributions.drop(duty.deliveryId);
      timerIndex.delete(duty.deliveryId);
      break;
    }
  }
}

/** This partition's contribution to a delivery as stored, or an empty one. */
function contributionOf(rules: StatusRules, deliveryId: DeliveryId, stored: Buffer | null): Contribution {
  if (stored !== null) return rules.contribution.decode(stored);
  return { ...emptySum(deliveryId, rules.stateId), partition: rules.partition };
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const unknown = deliveries.filter((delivery) => delivery.known === null);
  const reads: Read[] = [{ hash: CONTRIBUTIONS_HASH, fields: unknown.map((delivery) => delivery.field) }];
  for (const delivery of deliveries) {
    for (const { name, fields } of delivery.hashes) reads.push({ hash: name, fields });
  }
  return reads;
}

/** Folds the messages of one hash, moves the sum by what they changed, and gives the entries that changed. */
function foldMessages(
  rules: StatusRules,
  {
    sum,
    waiting,
    suppressed,
  }: { readonly sum: Contribution; readonly waiting: DeadlineEntry; suppressed: boolean },
  { messages, fields }: TouchedHash,
  loaded: readonly (Buffer | null)[],
  outgoing: OutgoingRecord[],
): Write['entries'] {
  const packer = entryPacker(fields);
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index]!;
    const bytes = loaded[index] ?? null;
    const before = bytes === null ? null : decodeMessage(bytes);
    const after = foldMessage(message, before, rules);
    const changed = after !== before;
    packer.next(changed ? after : null);
    if (!changed) continue;
    if (before !== null) countMessage(sum, before, -1, rules);
    countMessage(sum, after, 1, rules);
    moveEntry(waiting, before, after, rules.defaultPolicy);
    if (rules.statusChanged === null || suppressed) continue;
    const was = before === null ? null : statusOf(before, rules.defaultPolicy);
    const change = statusChange(rules, sum.deliveryId ?? '', message.id, was, after);
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

/** What is known of the delivery beside its messages: who said which policy, its size, how far feedback has come. */
function noteFacts(sum: Contribution, inputs: readonly Feedback[]): void {
  for (const feedback of inputs) {
    const topic = TOPIC_OF[feedback.kind];
    sum.revision += 1;
    sum.folded[topic] = (sum.folded[topic] ?? 0) + 1;
    if (feedback.occurredAt > sum.asOf) sum.asOf = feedback.occurredAt;
    if (feedback.kind !== 'Relayed') continue;
    sum.saysEfs ||= feedback.policy === 'EFS';
    sum.saysRelay ||= feedback.policy === 'RELAY';
    sum.deliverySize = largest(sum.deliverySize, feedback.deliverySize);
  }
}

/**
 * Contributions of one delivery meet in one partition; the key names the generation and the share, so that compaction
 * keeps them all.
 */
function contributionRecord(
  { stateId, partition, partitions }: StatusRules,
  delivery: Buffer,
  value: Buffer,
): OutgoingRecord {
  const share = Buffer.from(`/${stateId}.${partition}`, 'latin1');
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: partitionOf(delivery, partitions),
    key: Buffer.concat([delivery, share]),
    value,
  };
}

/** Tells every kpi task that whatever this partition had to fold at the generation's begin is behind it. */
function barriers(rules: StatusRules): OutgoingRecord[] {
  const { stateId, partition, generation: revision } = rules;
  const barrier = { ...emptySum('', stateId), deliveryId: null, partition, revision };
  const value = rules.contribution.encode(barrier);
  const key = Buffer.from(`/${stateId}.${partition}`, 'latin1');
  return Array.from({ length: rules.partitions }, (_, partition) => ({
    topic: CONTRIBUTIONS_TOPIC,
    partition,
    key,
    value,
  }));
}

function restated(
  rules: StatusRules,
  { deliveryId, messageId, before, message }: Restated,
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
  was: MessageStatus | null,
  after: MessageAggregate,
): MessageStatusChanged | null {
  const is = statusOf(after, rules.defaultPolicy);
  if (was?.status === is.status && was.reason === is.reason && was.failureType === is.failureType)
    return null;
  const occurredAt = (after.outcome ?? after.softBounce ?? after.relay).at;
  const { generation: generation } = rules;
  return { deliveryId, messageId, generation, occurredAt, previousStatus: was?.status ?? null, ...is };
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
