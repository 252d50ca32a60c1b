import { hash } from 'node:crypto';
import { recipientDigest } from './address';
import type { MtaEvent } from './event';
import { idOf, nativeIdOf } from './identity';

/** A key says nothing of its message: ids of some sources hold addresses. 132 bits are enough to tell messages apart. */
const KEY_LENGTH = 22;

const keyOf = (...parts: readonly string[]): string =>
  hash('sha256', parts.join('\n'), 'base64url').slice(0, KEY_LENGTH);

/**
 * What the index of native ids may know an event's message by: the source's own id, among the messages of that source, and the
 * Message-ID with the recipient, which all sources have in common.
 */
export function indexKeys(event: MtaEvent, source: string): readonly string[] {
  const { messageIdHeader, recipient } = event;
  const native = nativeIdOf(event);
  const header = messageIdHeader === null ? null : idOf(messageIdHeader);
  return [
    ...(native === null ? [] : [keyOf('native', source, native)]),
    ...(header === null || recipient === null
      ? []
      : [keyOf('message-id', header, recipientDigest(recipient))]),
  ];
}
