import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback, FeedbackKind, PolicyName } from '../feedback/feedback';
import { partitionOf } from '../feedback/partitioner';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS, MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import { type CountingRules, countMessage } from '../kpi/contribution';
import type { Contribution, MessageStatusChanged, WireType } from '../kpi/encode';
import { emptySum, largest } from '../kpi/publish';
import type { OutgoingRecord } from '../kpi/sink';
import type { Plan, Projected } from '../pipeline';
import { evolve } from '../status/evolve';
import type { MessageAggregate } from '../status/message';
import { statusOf } from '../status/projection';
import { decodeMessage, encodeMessageId } from '../store/codec';
import { bucketOf, CONTRIBUTIONS_HASH, FLAGS_HASH, messagesHash } from '../store/hashes';
import { entryPacker, type MessageFields, packFields } from '../store/messages';
import type { Read, Write } from '../store/store';
import { SENT_FIELD } from './gate';
import { type Recall, recall } from './recall';

/** What the status pipeline of one task is made of. Fixed while the task is held. */
export interface StatusRules extends CountingRules {
  readonly generation: number;
  readonly partition: number;
  readonly partitions: number;
  readonly buckets: number;
  readonly contribution: WireType<Contribution>;
  /** Null where no record per change of a message is wanted. */
  readonly statusChanged: WireType<MessageStatusChanged> | null;
}

interface TouchedMessage {
  readonly id: MessageId;
  readonly feedback: Feedback;
  /** Further feedback on it in the batch; most have none. */
  more: Feedback[] | null;
}

/** The messages of one hash. */
interface TouchedHash {
  readonly name: string;
  readonly messages: readonly TouchedMessage[];
  readonly fields: MessageFields;
}

interface TouchedDelivery {
  readonly id: DeliveryId;
  readonly field: Buffer;
  /** This partition's contribution to it, where it is remembered. */
  readonly known: Contribution | null;
  /** In the order of the reads. */
  readonly hashes: readonly TouchedHash[];
  readonly feedback: Feedback[];
}

/** What a status task owes when it has folded everything that was there when its generation began: its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

export type StatusInput = Feedback | CaughtUp;

/** Deliveries whose contribution a status task remembers. */
export const DELIVERIES_RECALLED = 256;

/** Folds a batch of feedback into the aggregates it touches and into the contributions of their deliveries. */
export function planStatus(
  rules: StatusRules,
  inputs: readonly StatusInput[],
  remembered: Recall<Contribution> = recall(0),
): Plan {
  const deliveries = groupByDelivery(inputs, rules.buckets, remembered);
  const caughtUp = inputs.some((input) => input.kind === 'CaughtUp');
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const projected: { writes: Write[]; outgoing: OutgoingRecord[] } = { writes: [], outgoing: [] };
      const contributions: (readonly [Buffer, Buffer])[] = [];
      const stored = loaded[0]?.values();
      let read = 0;
      for (const delivery of deliveries) {
        const sum = delivery.known ?? contributionOf(rules, delivery.id, stored?.next().value ?? null);
        for (const hash of delivery.hashes) {
          read += 1;
          const entries = foldMessages(rules, sum, hash, loaded[read] ?? [], projected.outgoing);
          if (entries.length > 0) projected.writes.push({ hash: hash.name, entries });
        }
        noteFacts(sum, delivery.feedback);
        remembered.put(delivery.id, sum);
        const value = rules.contribution.encode(sum);
        contributions.push([delivery.field, value]);
        projected.outgoing.push(contributionRecord(rules, delivery, value));
      }
      if (contributions.length > 0)
        projected.writes.push({ hash: CONTRIBUTIONS_HASH, entries: contributions });
      if (caughtUp) {
        projected.writes.push({ hash: FLAGS_HASH, entries: [[SENT_FIELD, Buffer.from('1')]] });
        projected.outgoing.push(...barriers(rules));
      }
      return projected satisfies Projected;
    },
  };
}

/** This partition's contribution to a delivery as stored, or an empty one. */
function contributionOf(rules: StatusRules, deliveryId: DeliveryId, stored: Buffer | null): Contribution {
  if (stored !== null) return rules.contribution.decode(stored);
  return { ...emptySum(deliveryId, rules.generation), partition: rules.partition };
}

function groupByDelivery(
  inputs: readonly StatusInput[],
  buckets: number,
  remembered: Recall<Contribution>,
): TouchedDelivery[] {
  const deliveries = new Map<
    DeliveryId,
    { messages: Map<MessageId, TouchedMessage>; feedback: Feedback[] }
  >();
  for (const feedback of inputs) {
    if (feedback.kind === 'CaughtUp') continue;
    const { deliveryId, messageId } = feedback;
    let delivery = deliveries.get(deliveryId);
    if (delivery === undefined) {
      delivery = { messages: new Map(), feedback: [] };
      deliveries.set(deliveryId, delivery);
    }
    delivery.feedback.push(feedback);
    const message = delivery.messages.get(messageId);
    if (message === undefined) delivery.messages.set(messageId, { id: messageId, feedback, more: null });
    else (message.more ??= []).push(feedback);
  }
  return Array.from(deliveries, ([id, { messages, feedback }]) => ({
    id,
    field: Buffer.from(id, 'utf8'),
    known: remembered.get(id),
    hashes: hashesOf(id, [...messages.values()], buckets),
    feedback,
  }));
}

/** A delivery's messages by the hashes that hold them. */
function hashesOf(id: DeliveryId, messages: readonly TouchedMessage[], buckets: number): TouchedHash[] {
  if (buckets === 1) return [{ name: messagesHash(id, 0), messages, fields: packFields(messages) }];
  const byBucket = new Map<number, TouchedMessage[]>();
  for (const message of messages) {
    const bucket = bucketOf(encodeMessageId(message.id), buckets);
    const others = byBucket.get(bucket);
    if (others === undefined) byBucket.set(bucket, [message]);
    else others.push(message);
  }
  return Array.from(byBucket, ([bucket, some]) => ({
    name: messagesHash(id, bucket),
    messages: some,
    fields: packFields(some),
  }));
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
  sum: Contribution,
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
    if (rules.statusChanged !== null) {
      const change = statusChange(rules, sum.deliveryId ?? '', message.id, before, after);
      if (change !== null) outgoing.push(statusRecord(rules, rules.statusChanged, change));
    }
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

/** Contributions of one delivery meet in one partition; the key names the share, so that compaction keeps them all. */
function contributionRecord(rules: StatusRules, delivery: TouchedDelivery, value: Buffer): OutgoingRecord {
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: partitionOf(delivery.field, rules.partitions),
    key: Buffer.from(`${delivery.id}/${rules.partition}`, 'utf8'),
    value,
  };
}

/** Tells every kpi task that whatever this partition had to fold at the generation's begin is behind it. */
function barriers(rules: StatusRules): OutgoingRecord[] {
  const barrier = { ...emptySum('', rules.generation), deliveryId: null, partition: rules.partition };
  const value = rules.contribution.encode(barrier);
  const key = Buffer.from(`/${rules.partition}`, 'latin1');
  return Array.from({ length: rules.partitions }, (_, partition) => ({
    topic: CONTRIBUTIONS_TOPIC,
    partition,
    key,
    value,
  }));
}

/** The change of a message's status, reason or type, or null where it has none. */
export function statusChange(
  rules: { readonly generation: number; readonly defaultPolicy: PolicyName },
  deliveryId: string,
  messageId: string,
  before: MessageAggregate | null,
  after: MessageAggregate,
): MessageStatusChanged | null {
  const was = before === null ? null : statusOf(before, rules.defaultPolicy);
  const is = statusOf(after, rules.defaultPolicy);
  if (was?.status === is.status && was.reason === is.reason && was.failureType === is.failureType)
    return null;
  const occurredAt = (after.outcome ?? after.softBounce ?? after.relay).at;
  const { generation } = rules;
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
