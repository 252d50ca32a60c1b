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
 * A message's aggregate as stored, 8 to 40 bytes; big-endian:
 *
 *   u8   128 complained | version (3 bits) | 8 validity given | 4 soft bounce | flags of the policies named (2 bits)
 *   u48  relay rank (2 bits) | 1 outcome | 1 outcome has a class | 2 bits unused | relayed at (42 bits)
 *   u8   domain group
 *   u32  validity                         where given
 *   u48  at, i32 class, u8 reason         where there is a soft bounce
 *   u48  outcome rank (2 bits) | kind (3 bits) | 1 bit unused | at (42 bits)    where there is an outcome
 *   i32  class, u8 reason                 where that has a class
 *   u48  complained at                    where there is a complaint
 *
 * Times of this century take 42 bits. What is stored most often, a message that was delivered, is 14 bytes long, and with two
 * of its own Redis allocates 16 for it: another byte would cost 8 or 16.
 */
const VERSION = 2;
const VERSION_BITS = 7;

const COMPLAINED = 128;
const NAMED = 3;
const HAS_SOFT_BOUNCE = 4;
const HAS_VALIDITY = 8;

/** Of the six bits in front of the relay's time. */
const RELAY_RANK_SHIFT = 4;
const HAS_OUTCOME = 8;
const HAS_CLASS = 4;
/** Of the six bits in front of the outcome's time. */
const RANK_SHIFT = 4;
const KIND_SHIFT = 1;

const HEAD_BYTES = 8;
const RELAY_AT = 1;
const GROUP_AT = 7;
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
  const ofOutcome =
    outcome === null ? 0 : outcome.bounceClass === null ? HAS_OUTCOME : HAS_OUTCOME | HAS_CLASS;
  let at = writeTime(bytes, start + RELAY_AT, (relay.rank << RELAY_RANK_SHIFT) | ofOutcome, relay.at);
  bytes[at++] = relay.domainGroup;
  if (hasValidity) at = bytes.writeUInt32BE(message.validityMs, at);
  if (softBounce !== null) {
    at = writeTime(bytes, at, 0, softBounce.at);
    at = writeClass(bytes, at, softBounce.bounceClass, softBounce.reason);
  }
  if (outcome !== null) {
    at = writeTime(bytes, at, (outcome.rank << RANK_SHIFT) | (outcome.kind << KIND_SHIFT), outcome.at);
    if (outcome.bounceClass !== null) at = writeClass(bytes, at, outcome.bounceClass, outcome.reason);
  }
  return complainedAt === null ? at : writeTime(bytes, at, 0, complainedAt);
}

const HIGH = 2 ** 32;
const HIGH_BITS = 0x3ff;

/** Writes six bits and a time. */
function writeTime(bytes: Buffer, at: number, bits: number, time: number): number {
  const high = (bits << 10) | Math.floor(time / HIGH);
  const low = time >>> 0;
  bytes[at] = high >> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = low >>> 24;
  bytes[at + 3] = low >>> 16;
  bytes[at + 4] = low >>> 8;
  bytes[at + 5] = low;
  return at + TIME_BYTES;
}

const bitsAt = (bytes: Buffer, at: number): number => bytes[at]! >> 2;

function timeAt(bytes: Buffer, at: number): number {
  const high = ((bytes[at]! << 8) | bytes[at + 1]!) & HIGH_BITS;
  const low = (bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  return high * HIGH + (low >>> 0);
}

function writeClass(bytes: Buffer, at: number, bounceClass: number, reason: number): number {
  bytes.writeInt32BE(bounceClass, at);
  return bytes.writeUInt8(reason, at + 4);
}

const versionOf = (bytes: Buffer): number =>
  (must(bytes[0], 'an empty aggregate is stored') >> 4) & VERSION_BITS;

/** Inverse of `encodeMessage`. Bytes of another version or length are a broken invariant. */
export function decodeMessage(stored: Buffer): MessageAggregate {
  const bytes = asStoredNow(stored);
  const version = versionOf(bytes);
  assert(version === VERSION, `an aggregate of version ${version} is stored`);
  const flags = bytes[0]!;
  const bits = bitsAt(bytes, RELAY_AT);
  assert(bytes.length === lengthOf(flags, bits), 'an aggregate of another length is stored');
  let at = HEAD_BYTES;
  let validityMs = VALIDITY_MAX_MS;
  if (flags & HAS_VALIDITY) {
    validityMs = bytes.readUInt32BE(at);
    at += VALIDITY_BYTES;
  }
  let softBounce: SoftBounceFacts | null = null;
  if (flags & HAS_SOFT_BOUNCE) {
    softBounce = bounceAt(bytes, at);
    at += BOUNCE_BYTES;
  }
  return messageAggregate(
    {
      rank: (bits >> RELAY_RANK_SHIFT) as RelayRank,
      at: timeAt(bytes, RELAY_AT),
      domainGroup: bytes[GROUP_AT]!,
    },
    flags & NAMED,
    validityMs,
    softBounce,
    bits & HAS_OUTCOME ? outcomeAt(bytes, at, (bits & HAS_CLASS) !== 0) : null,
    flags & COMPLAINED ? timeAt(bytes, bytes.length - TIME_BYTES) : null,
  );
}

/** The length of an aggregate by its flags and the bits in front of the relay's time. */
function lengthOf(flags: number, bits: number): number {
  return (
    outcomeStart(flags) +
    (bits & HAS_OUTCOME ? (bits & HAS_CLASS ? BOUNCE_BYTES : TIME_BYTES) : 0) +
    (flags & COMPLAINED ? TIME_BYTES : 0)
  );
}

/** Where the outcome begins, if there is one. */
const outcomeStart = (flags: number): number =>
  HEAD_BYTES + (flags & HAS_VALIDITY ? VALIDITY_BYTES : 0) + (flags & HAS_SOFT_BOUNCE ? BOUNCE_BYTES : 0);

/** A bounce of either kind: its time, its class and its reason. */
const bounceAt = (bytes: Buffer, at: number): SoftBounceFacts => ({
  at: timeAt(bytes, at),
  bounceClass: bytes.readInt32BE(at + TIME_BYTES),
  reason: bytes.readUInt8(at + TIME_BYTES + 4),
});

function outcomeAt(bytes: Buffer, at: number, hasClass: boolean): Outcome {
  const bits = bitsAt(bytes, at);
  const rank = (bits >> RANK_SHIFT) as OutcomeRank;
  const kind = ((bits >> KIND_SHIFT) & 7) as OutcomeKind;
  if (!hasClass) return messageOutcome(rank, kind, timeAt(bytes, at), null, 0);
  const { at: time, bounceClass, reason } = bounceAt(bytes, at);
  return messageOutcome(rank, kind, time, bounceClass, reason);
}

const FORMER_VERSION = 1;

/**
 * An aggregate in the bytes in which it would be stored now: those of equal aggregates are equal. Version 0.1 stored, behind the
 * flags, a byte more, and nothing in front of the times:
 *
 *   u8   128 outcome has a class | outcome rank (2 bits) | outcome kind (3 bits, 0: none) | relay rank (2 bits)
 */
export function asStoredNow(bytes: Buffer): Buffer {
  if (versionOf(bytes) !== FORMER_VERSION) return bytes;
  const former = must(bytes[1], 'a truncated aggregate is stored');
  const flags = bytes[0]! ^ ((FORMER_VERSION ^ VERSION) << 4);
  const [rank, kind] = [(former >> 5) & 3, (former >> 2) & 7];
  const ofOutcome = kind === 0 ? 0 : former & 128 ? HAS_OUTCOME | HAS_CLASS : HAS_OUTCOME;
  const now = Buffer.from(bytes.subarray(1));
  now[0] = flags;
  now[RELAY_AT]! |= (((former & 3) << RELAY_RANK_SHIFT) | ofOutcome) << 2;
  if (kind !== 0) now[outcomeStart(flags)]! |= ((rank << RANK_SHIFT) | (kind << KIND_SHIFT)) << 2;
  return now;
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
