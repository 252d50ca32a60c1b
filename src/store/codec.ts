import { assert, must } from '../base/assert';
import type { MessageId } from '../base/ids';
import type {
  MessageAggregate,
  Outcome,
  OutcomeKind,
  OutcomeRank,
  RelayRank,
  SoftBounceFacts,
} from '../status/message';
import { VALIDITY_MAX_MS } from '../base/time';
import { messageAggregate, messageOutcome } from '../status/message';

/*
 * A message's aggregate as stored, 9 to 41 bytes; big-endian:
 *
 *   u8   128 complained | version (3 bits) | 8 validity given | 4 soft bounce | flags of the policies named (2 bits)
 *   u8   128 outcome has a class | outcome rank (2 bits) | outcome kind (3 bits, 0: none) | relay rank (2 bits)
 *   u48  relayed at, u8 domain group
 *   u32  validity                         where given
 *   u48  at, i32 class, u8 reason         where there is a soft bounce
 *   u48  at                               where there is an outcome
 *   i32  class, u8 reason                 where that has a class
 *   u48  complained at                    where there is a complaint
 *
 * The first bit was part of the version before there were complaints: an aggregate without one is the same bytes as then, and
 * the service of that time refuses one with a complaint as another version.
 */
const VERSION = 1;
const VERSION_BITS = 7;

const COMPLAINED = 128;
const NAMED = 3;
const HAS_SOFT_BOUNCE = 4;
const HAS_VALIDITY = 8;
const HAS_CLASS = 128;

const HEAD_BYTES = 9;
const VALIDITY_BYTES = 4;
const TIME_BYTES = 6;
const BOUNCE_BYTES = 11;

/** The maximum size of an aggregate. */
export const MESSAGE_BYTES_MAX = HEAD_BYTES + VALIDITY_BYTES + 2 * BOUNCE_BYTES + TIME_BYTES;

/** Packs an aggregate into a buffer of its own. */
export function encodeMessage(message: MessageAggregate): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_BYTES_MAX);
  return bytes.subarray(0, writeMessage(bytes, 0, message));
}

/** Packs an aggregate into `bytes` from `start` on, with room for the longest; returns its end. */
export function writeMessage(bytes: Buffer, start: number, message: MessageAggregate): number {
  const { relay, softBounce, outcome, complainedAt } = message;
  const hasValidity = message.validityMs !== VALIDITY_MAX_MS;
  bytes[start] =
    (VERSION << 4) |
    message.named |
    (complainedAt === null ? 0 : COMPLAINED) |
    (softBounce === null ? 0 : HAS_SOFT_BOUNCE) |
    (hasValidity ? HAS_VALIDITY : 0);
  bytes[start + 1] = relay.rank | (outcome === null ? 0 : outcomeBits(outcome));
  let at = bytes.writeUIntBE(relay.at, start + 2, TIME_BYTES);
  at = bytes.writeUInt8(relay.domainGroup, at);
  if (hasValidity) at = bytes.writeUInt32BE(message.validityMs, at);
  if (softBounce !== null)
    at = writeBounce(bytes, at, softBounce.at, softBounce.bounceClass, softBounce.reason);
  if (outcome !== null) at = writeOutcome(bytes, at, outcome);
  return complainedAt === null ? at : bytes.writeUIntBE(complainedAt, at, TIME_BYTES);
}

function outcomeBits(outcome: Outcome): number {
  return (outcome.bounceClass === null ? 0 : HAS_CLASS) | (outcome.rank << 5) | (outcome.kind << 2);
}

function writeOutcome(bytes: Buffer, at: number, outcome: Outcome): number {
  if (outcome.bounceClass === null) return bytes.writeUIntBE(outcome.at, at, TIME_BYTES);
  return writeBounce(bytes, at, outcome.at, outcome.bounceClass, outcome.reason);
}

function writeBounce(bytes: Buffer, at: number, time: number, bounceClass: number, reason: number): number {
  bytes.writeUIntBE(time, at, TIME_BYTES);
  bytes.writeInt32BE(bounceClass, at + 6);
  return bytes.writeUInt8(reason, at + 10);
}

/** Inverse of `encodeMessage`. Bytes of another version or length are a broken invariant. */
export function decodeMessage(bytes: Buffer): MessageAggregate {
  const flags = must(bytes[0], 'an empty aggregate is stored');
  const bits = must(bytes[1], 'a truncated aggregate is stored');
  const version = (flags >> 4) & VERSION_BITS;
  assert(version === VERSION, `an aggregate of version ${version} is stored`);
  const kind = (bits >> 2) & 7;
  assert(bytes.length === lengthOf(flags, bits), 'an aggregate of another length is stored');
  let at = HEAD_BYTES;
  let validityMs = VALIDITY_MAX_MS;
  if (flags & HAS_VALIDITY) {
    validityMs = bytes.readUInt32BE(at);
    at += VALIDITY_BYTES;
  }
  let softBounce: SoftBounceFacts | null = null;
  if (flags & HAS_SOFT_BOUNCE) {
    softBounce = readBounce(bytes, at);
    at += BOUNCE_BYTES;
  }
  return messageAggregate(
    { rank: (bits & 3) as RelayRank, at: bytes.readUIntBE(2, 6), domainGroup: bytes.readUInt8(8) },
    flags & NAMED,
    validityMs,
    softBounce,
    kind === 0 ? null : readOutcome(bytes, at, bits),
    flags & COMPLAINED ? bytes.readUIntBE(bytes.length - TIME_BYTES, TIME_BYTES) : null,
  );
}

/** The length of an aggregate by its first two bytes. */
function lengthOf(flags: number, bits: number): number {
  const outcomeBytes = bits & HAS_CLASS ? BOUNCE_BYTES : TIME_BYTES;
  return (
    HEAD_BYTES +
    (flags & HAS_VALIDITY ? VALIDITY_BYTES : 0) +
    (flags & HAS_SOFT_BOUNCE ? BOUNCE_BYTES : 0) +
    ((bits >> 2) & 7 ? outcomeBytes : 0) +
    (flags & COMPLAINED ? TIME_BYTES : 0)
  );
}

function readBounce(bytes: Buffer, at: number): SoftBounceFacts {
  return {
    at: bytes.readUIntBE(at, 6),
    bounceClass: bytes.readInt32BE(at + 6),
    reason: bytes.readUInt8(at + 10),
  };
}

function readOutcome(bytes: Buffer, at: number, bits: number): Outcome {
  const rank = ((bits >> 5) & 3) as OutcomeRank;
  const kind = ((bits >> 2) & 7) as OutcomeKind;
  if (!(bits & HAS_CLASS)) return messageOutcome(rank, kind, bytes.readUIntBE(at, TIME_BYTES), null, 0);
  const { at: time, bounceClass, reason } = readBounce(bytes, at);
  return messageOutcome(rank, kind, time, bounceClass, reason);
}

const UUID_LENGTH = 36;
export const UUID_BYTES = 16;
const MESSAGE_ID_LENGTH_MAX = 128;
const HYPHEN = 0x2d;
const NO_DIGIT = 16;

/** The value of a character code below 128 as a lower-case hexadecimal digit. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return digit < 0 ? NO_DIGIT : digit;
});

/** The maximum size of a message id: UTF-8 has at most three bytes per UTF-16 code unit. */
export const MESSAGE_ID_BYTES_MAX = 1 + 3 * MESSAGE_ID_LENGTH_MAX;

/** A message id as a field of its own. */
export function encodeMessageId(id: MessageId): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 3 * id.length);
  return bytes.subarray(0, writeMessageId(bytes, 0, id));
}

/**
 * Packs a message id as a field into `bytes` from `start` on, with room for it; returns its end. 16 bytes
 * for a lower-case UUID, else its UTF-8. An id that happens to be 16 bytes long gets a NUL in front, which no id can begin
 * with, so that no two ids share a field.
 */
export function writeMessageId(bytes: Buffer, start: number, id: MessageId): number {
  if (id.length === UUID_LENGTH && packUuid(bytes, start, id)) return start + UUID_BYTES;
  const end = start + bytes.write(id, start, 'utf8');
  if (end - start !== UUID_BYTES) return end;
  bytes.copyWithin(start + 1, start, end);
  bytes[start] = 0;
  return end + 1;
}

/** Writes the bytes of a lower-case UUID; false for 36 other characters. Written by hand: it runs for every record. */
function packUuid(bytes: Buffer, start: number, id: string): boolean {
  let at = start;
  for (let index = 0; index < UUID_LENGTH; index += 2) {
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (id.charCodeAt(index) !== HYPHEN) return false;
      index += 1;
    }
    const high = DIGITS[id.charCodeAt(index)] ?? NO_DIGIT;
    const low = DIGITS[id.charCodeAt(index + 1)] ?? NO_DIGIT;
    if (high === NO_DIGIT || low === NO_DIGIT) return false;
    bytes[at++] = (high << 4) | low;
  }
  return true;
}

/** Inverse of `encodeMessageId`. */
export function decodeMessageId(field: Buffer): MessageId {
  if (field.length === UUID_BYTES) {
    const hex = field.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as MessageId;
  }
  return (field[0] === 0 ? field.subarray(1) : field).toString('utf8') as MessageId;
}
