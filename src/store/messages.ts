import type { MessageId } from '../base/ids';
import type { MessageAggregate } from '../status/message';
import { MESSAGE_BYTES_MAX, MESSAGE_ID_BYTES_MAX, UUID_BYTES, writeMessage, writeMessageId } from './codec';
import type { PackableList } from './store';

/*
 * The messages of one hash, packed as they are encoded, in the forms of packing.ts: a buffer for each would cost more
 * than its content.
 */
const FIELD_LENGTH_BYTES = 2;
const VALUE_LENGTH_BYTES = 4;
const READ_HEAD_BYTES = 4;
const WRITE_HEAD_BYTES = 8;

/** The fields of some messages, in their order. */
export interface MessageFields extends PackableList<Buffer> {
  readonly packed: Buffer;
}

/** Packs the fields of messages. The buffer has room for UUIDs, and grows for longer ids. */
export function packFields(messages: readonly { readonly id: MessageId }[]): MessageFields {
  const { length } = messages;
  const room = FIELD_LENGTH_BYTES + MESSAGE_ID_BYTES_MAX;
  let bytes = Buffer.allocUnsafe(READ_HEAD_BYTES + length * (FIELD_LENGTH_BYTES + UUID_BYTES) + room);
  let at = bytes.writeUInt32BE(length, 0);
  for (const { id } of messages) {
    if (bytes.length - at < room) bytes = Buffer.concat([bytes], 2 * bytes.length);
    const end = writeMessageId(bytes, at + FIELD_LENGTH_BYTES, id);
    bytes.writeUInt16BE(end - at - FIELD_LENGTH_BYTES, at);
    at = end;
  }
  const packed = bytes.subarray(0, at);
  return { packed, length, [Symbol.iterator]: () => unpackFields(packed) };
}

function* unpackFields(packed: Buffer): Generator<Buffer> {
  for (let at = READ_HEAD_BYTES; at < packed.length;) {
    const start = at + FIELD_LENGTH_BYTES;
    at = start + packed.readUInt16BE(at);
    yield packed.subarray(start, at);
  }
}

/** Packs the entries of the changed messages among the given fields. */
export interface EntryPacker {
  /** Advances to the next field, in order; `changed` is its new aggregate, null where it has not changed. */
  next(changed: MessageAggregate | null): void;
  entries(): PackableList<readonly [Buffer, Buffer]>;
}

/** A packer of entries for the messages with these fields. */
export function entryPacker(fields: MessageFields): EntryPacker {
  const { packed: source, length } = fields;
  const most = WRITE_HEAD_BYTES + source.length + length * (VALUE_LENGTH_BYTES + MESSAGE_BYTES_MAX);
  const bytes = Buffer.allocUnsafe(most);
  let from = READ_HEAD_BYTES;
  let at = WRITE_HEAD_BYTES;
  let count = 0;
  return {
    next(changed) {
      const end = from + FIELD_LENGTH_BYTES + ((source[from]! << 8) | source[from + 1]!);
      if (changed === null) {
        from = end;
        return;
      }
      while (from < end) bytes[at++] = source[from++]!;
      const valueEnd = writeMessage(bytes, at + VALUE_LENGTH_BYTES, changed);
      bytes.writeUInt32BE(valueEnd - at - VALUE_LENGTH_BYTES, at);
      at = valueEnd;
      count += 1;
    },
    entries() {
      bytes.writeUInt32BE(count, 0);
      bytes.writeUInt32BE(0, VALUE_LENGTH_BYTES);
      const packed = bytes.subarray(0, at);
      return { packed, length: count, [Symbol.iterator]: () => unpackEntries(packed) };
    },
  };
}

function* unpackEntries(packed: Buffer): Generator<readonly [Buffer, Buffer]> {
  for (let at = WRITE_HEAD_BYTES; at < packed.length;) {
    const field = at + FIELD_LENGTH_BYTES;
    const fieldEnd = field + packed.readUInt16BE(at);
    const value = fieldEnd + VALUE_LENGTH_BYTES;
    at = value + packed.readUInt32BE(fieldEnd);
    yield [packed.subarray(field, fieldEnd), packed.subarray(value, at)];
  }
}
