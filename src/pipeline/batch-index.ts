import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback } from '../feedback/feedback';
import type { Contribution } from '../kpi/encode';
import type { MessageAggregate } from '../status/message';
import { encodeMessageId } from '../store/codec';
import { bucketOf, messagesHash } from '../store/hashes';
import { eachField, type MessageFields, NO_FIELDS, packFields } from '../store/messages';
import type { BoundedCache } from '../base/bounded-cache';
import type { CachedMessages, MessageCache } from './message-cache';

/* The index of a batch of feedback: by delivery, then by hash, then by message. */

export interface TouchedMessage {
  readonly id: MessageId;
  readonly feedback: Feedback;
  /** Further feedback on it in the batch; null for most messages. */
  more: Feedback[] | null;
  /** Of its field, as the cache knows it. */
  hash: number;
  /** Its aggregate before the batch, null where there is none; undefined where it must be read. */
  before: MessageAggregate | null | undefined;
}

/** The messages of one hash. */
export interface TouchedHash {
  readonly name: string;
  readonly messages: readonly TouchedMessage[];
  readonly fields: MessageFields;
  /** The fields of those that must be read, in the same order. */
  readonly unread: MessageFields;
}

export interface TouchedDelivery {
  readonly id: DeliveryId;
  readonly field: Buffer;
  /** This partition's contribution to it, where it is cached. */
  readonly known: Contribution | null;
  readonly cached: CachedMessages;
  /** In the order of the reads. */
  readonly hashes: readonly TouchedHash[];
  readonly feedback: Feedback[];
}

/** The deliveries of a batch's feedback, each with its cached contribution, and with what is cached of its messages. */
export function groupByDelivery(
  inputs: readonly Feedback[],
  buckets: number,
  caches: { readonly contributions: BoundedCache<Contribution>; readonly messages: MessageCache },
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
    if (message === undefined)
      delivery.messages.set(messageId, { id: messageId, feedback, more: null, hash: 0, before: undefined });
    else (message.more ??= []).push(feedback);
  }
  return Array.from(deliveries, ([id, { messages, feedback }]) => {
    const known = caches.contributions.get(id);
    const isNew = known?.revision === 0;
    const cached = caches.messages.of(id, isNew);
    const hashes = hashesOf(id, [...messages.values()], buckets);
    return {
      ...{ id, known, cached, feedback },
      field: Buffer.from(id, 'utf8'),
      hashes: hashes.map((hash) => lookUp(hash, cached, isNew)),
    };
  });
}

/** A delivery's messages by the hashes that hold them; all of them to be read. */
function hashesOf(id: DeliveryId, messages: readonly TouchedMessage[], buckets: number): TouchedHash[] {
  if (buckets === 1) return [touchedHash(id, 0, messages)];
  const byBucket = new Map<number, TouchedMessage[]>();
  for (const message of messages) {
    const bucket = bucketOf(encodeMessageId(message.id), buckets);
    const siblings = byBucket.get(bucket);
    if (siblings === undefined) byBucket.set(bucket, [message]);
    else siblings.push(message);
  }
  return Array.from(byBucket, ([bucket, some]) => touchedHash(id, bucket, some));
}

function touchedHash(id: DeliveryId, bucket: number, messages: readonly TouchedMessage[]): TouchedHash {
  const fields = packFields(messages);
  return { name: messagesHash(id, bucket), messages, fields, unread: fields };
}

/** The same hash without the reads of what is cached. The messages of a new delivery are all read: none must be stored. */
function lookUp(hash: TouchedHash, cached: CachedMessages, isNew: boolean): TouchedHash {
  const { messages, fields } = hash;
  const { packed } = fields;
  let unread = 0;
  let index = 0;
  eachField(packed, (field, fieldEnd) => {
    const message = messages[index++]!;
    message.hash = cached.hashOf(packed, field, fieldEnd);
    message.before = isNew ? undefined : cached.get(message.hash, packed, field, fieldEnd);
    if (message.before === undefined) unread += 1;
  });
  if (unread === messages.length) return hash;
  if (unread === 0) return { ...hash, unread: NO_FIELDS };
  return { ...hash, unread: packFields(messages.filter(({ before }) => before === undefined)) };
}
