import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback } from '../feedback/feedback';
import type { Contribution } from '../kpi/encode';
import { encodeMessageId } from '../store/codec';
import { bucketOf, messagesHash } from '../store/hashes';
import { type MessageFields, packFields } from '../store/messages';
import type { BoundedCache } from '../base/bounded-cache';

/* The index of a batch of feedback: by delivery, then by hash, then by message. */

export interface TouchedMessage {
  readonly id: MessageId;
  readonly feedback: Feedback;
  /** Further feedback on it in the batch; null for most messages. */
  more: Feedback[] | null;
}

/** The messages of one hash. */
export interface TouchedHash {
  readonly name: string;
  readonly messages: readonly TouchedMessage[];
  readonly fields: MessageFields;
}

export interface TouchedDelivery {
  readonly id: DeliveryId;
  readonly field: Buffer;
  /** This partition's contribution to it, where it is cached. */
  readonly known: Contribution | null;
  /** In the order of the reads. */
  readonly hashes: readonly TouchedHash[];
  readonly feedback: Feedback[];
}

/** The deliveries of a batch's feedback, each with its cached contribution. */
export function groupByDelivery(
  inputs: readonly Feedback[],
  buckets: number,
  cache: BoundedCache<Contribution>,
): TouchedDelivery[] {
  const deliveries = new Map<
    DeliveryId,
    { messages: Map<MessageId, TouchedMessage>; feedback: Feedback[] }
  >();
  for (const feedback of inputs) {
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
    known: cache.get(id),
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
    const siblings = byBucket.get(bucket);
    if (siblings === undefined) byBucket.set(bucket, [message]);
    else siblings.push(message);
  }
  return Array.from(byBucket, ([bucket, some]) => ({
    name: messagesHash(id, bucket),
    messages: some,
    fields: packFields(some),
  }));
}
