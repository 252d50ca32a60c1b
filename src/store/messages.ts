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

export const NO_FIELDS = packFields([]);

/** Calls `onField` with the start and the end of each packed field, in order. */
export function eachField(packed: Buffer, onField: (field: number, fieldEnd: number) => void): void {
  for (let at = READ_HEAD_BYTES; at < packed.length;) {
    const field = at + FIELD_LENGTH_BYTES;
    at = field + packed.readUInt16BE(at);
    onField(field, at);
  }
}

function unpackFields(packed: Buffer): Iterator<Buffer> {
  const fields: Buffer[] = [];
  eachField(packed, (field, fieldEnd) => void fields.push(packed.subarray(field, fieldEnd)));
  return fields.values();
}

/** Packs the entries of the changed messages among the given fields. */
export interface EntryPacker {
  /**
   * Advances to the next field, in order; `changed` is its new aggregate, null where it has not changed; its hash is passed on.
   */
  next(changed: MessageAggregate | null, hash: number): void;
  entries(): PackableList<readonly [Buffer, Buffer]>;
}

/** Gets each entry that is packed: where its field and its value are in `bytes`. */
type OnEntry = (
  hash: number,
  bytes: Buffer,
  field: number,
  fieldEnd: number,
  value: number,
  valueEnd: number,
) => void;

/** A packer of entries for the messages with these fields. */
export function entryPacker(fields: MessageFields, onEntry: OnEntry): EntryPacker {
  const { packed: source, length } = fields;
  const most = WRITE_HEAD_BYTES + source.length + length * (VALUE_LENGTH_BYTES + MESSAGE_BYTES_MAX);
  const bytes = Buffer.allocUnsafe(most);
  let from = READ_HEAD_BYTES;
  let at = WRITE_HEAD_BYTES;
  let count = 0;
  return {
    next(changed, hash) {
      const end = from + FIELD_LENGTH_BYTES + ((source[from]! << 8) | source[from + 1]!);
      if (changed === null) {
        from = end;
        return;
      }
      const field = at + FIELD_LENGTH_BYTES;
      while (from < end) bytes[at++] = source[from++]!;
      const value = at + VALUE_LENGTH_BYTES;
      const valueEnd = writeMessage(bytes, value, changed);
      bytes.writeUInt32BE(valueEnd - value, at);
      onEntry(hash, bytes, field, at, value, valueEnd);
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
