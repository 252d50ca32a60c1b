import type { RetryOutcome } from '../feedback/records';
import { CONTRIBUTIONS_TOPIC, MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import type { CountingRules } from '../kpi/contribution';
import type { Contribution, MessageStatusChanged, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import { partitionOf } from '../log/partitioner';
import type { OutgoingRecord } from '../log/sink';
import type { MessageAggregate } from '../status/message';
import { type MessageStatus, statusOf } from '../status/projection';
import { stateKey } from './state-id';

/* The records that a status task emits. */

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

/**
 * Contributions of one delivery share a partition; the key contains the state id and the status partition, so that
 * compaction keeps them all.
 */
export function contributionRecord(rules: StatusRules, delivery: Buffer, value: Buffer): OutgoingRecord {
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: partitionOf(delivery, rules.partitions),
    key: Buffer.concat([delivery, stateKey(rules, rules.partition)]),
    value,
  };
}

/** The barriers to every kpi task: this partition has folded everything up to the generation's catch-up offsets. */
export function barriers(rules: StatusRules): OutgoingRecord[] {
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

/** A message and the status that it had before; null where it had none, or that is unknown. */
export interface ChangedMessage {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly before: MessageStatus | null;
  readonly after: MessageAggregate;
}

/** The record of a message's change of status, reason or type; none where it has not changed, or none is published. */
export function statusRecords(rules: StatusRules, message: ChangedMessage): OutgoingRecord[] {
  const { statusChanged, defaultPolicy, generation, partitions } = rules;
  const { deliveryId, messageId, before, after } = message;
  const current = statusOf(after, defaultPolicy);
  if (statusChanged === null || isSame(before, current)) return [];
  const { at: occurredAt } = after.outcome ?? after.softBounce ?? after.relay;
  const previousStatus = before?.status ?? null;
  const key = Buffer.from(`${deliveryId}/${messageId}`, 'utf8');
  return [
    {
      topic: MESSAGE_STATUS_TOPIC,
      partition: partitionOf(key, partitions),
      key,
      value: statusChanged.encode({
        ...{ deliveryId, messageId, generation, occurredAt, previousStatus },
        ...current,
      }),
    },
  ];
}

const isSame = (before: MessageStatus | null, current: MessageStatus): boolean =>
  before?.status === current.status &&
  before.reason === current.reason &&
  before.failureType === current.failureType;
