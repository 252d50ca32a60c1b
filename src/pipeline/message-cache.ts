import { boundedCache } from '../base/bounded-cache';
import type { DeliveryId } from '../base/ids';
import { murmur2 } from '../log/partitioner';
import type { MessageAggregate } from '../status/message';
import { decodeMessage } from '../store/codec';

/**
 * What the owner of a status task knows of its messages without reading them. It equals the state for the duration of the
 * claim, as any cache of an owner does (base/bounded-cache.ts). It keeps the messages written last, in bounded memory. Of a
 * delivery on which no feedback was folded before, it is put every message, and so it also knows which are not stored.
 */
export interface MessageCache {
  /** The messages of a delivery. `isNew`: no feedback on the delivery has been folded yet, by any owner. */
  of(delivery: DeliveryId, isNew: boolean): CachedMessages;
  /** Forgets the messages of a delivery. */
  drop(delivery: DeliveryId): void;
}

/** A message is named by its field: bytes of a buffer, from a start to an end; and by their hash, which is made once. */
export interface CachedMessages {
  hashOf(bytes: Buffer, field: number, fieldEnd: number): number;
  /** The message as put last; null where none is stored, undefined where the cache does not know. */
  get(hash: number, bytes: Buffer, field: number, fieldEnd: number): MessageAggregate | null | undefined;
  /** To be called for every message that is written, with its field and its encoded value. */
  put(hash: number, bytes: Buffer, field: number, fieldEnd: number, value: number, valueEnd: number): void;
}

/** The sizes of a cache's parts: bytes of the messages, slots of their index, hashes that the filter takes; powers of two. */
export interface CacheSizes {
  readonly messages: number;
  readonly slots: number;
  readonly hashes: number;
}

/** 7 MiB, for some 95,000 messages, and 2 million of which it is known whether they are stored. Untouched pages are free. */
const SIZES: CacheSizes = { messages: 4 << 20, slots: 1 << 17, hashes: 1 << 21 };
const DELIVERIES_CACHED = 4_096;

export function messageCache(sizes: CacheSizes = SIZES): MessageCache {
  const deliveries = boundedCache<CachedMessages>(DELIVERIES_CACHED);
  const recent = recentMessages(sizes);
  const filter = bloomFilter(sizes.hashes);
  let numbers = 0;

  const cachedMessages = (isNew: boolean): CachedMessages => {
    const number = ++numbers;
    const begun = isNew ? filter.begun() : null;
    return {
      hashOf: (bytes, field, fieldEnd) => murmur2(bytes, field, fieldEnd, number),
      get(hash, bytes, field, fieldEnd) {
        const found = recent.get(hash, number, bytes, field, fieldEnd);
        if (found !== null) return found;
        return begun === filter.begun() && !filter.has(hash) ? null : undefined;
      },
      put(hash, bytes, field, fieldEnd, value, valueEnd) {
        recent.put(hash, number, bytes, field, fieldEnd, value, valueEnd);
        if (begun === filter.begun()) filter.add(hash);
      },
    };
  };
  return {
    of(delivery, isNew) {
      const known = isNew ? null : deliveries.get(delivery);
      const messages = known ?? cachedMessages(isNew);
      if (known === null) deliveries.put(delivery, messages);
      return messages;
    },
    drop: deliveries.drop,
  };
}

/** A second hash of a hash: the finalizer of MurmurHash3, unsigned. */
function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const u16 = (bytes: Buffer, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const u32 = (bytes: Buffer, at: number): number => u16(bytes, at) | (u16(bytes, at + 2) << 16);

/*
 * The messages written last are in a ring: u32 delivery number, u16 length of the field, u8 length of the value, field, value.
 * A message is written again where it changes. The index is a hash table of two slots a bucket, which hold the places of
 * entries, as the lap of the ring and the offset: the younger of two entries is always the last to leave, so no
 * former value of a message is found.
 */
const HEAD_BYTES = 7;

function recentMessages({ messages, slots }: Pick<CacheSizes, 'messages' | 'slots'>) {
  const ring = Buffer.alloc(messages);
  const laps = new Uint32Array(slots);
  const offsets = new Uint32Array(slots);
  /** Where the next entry begins. Slots without an entry are of lap 0, which is long past. */
  let lap = 2;
  let next = 0;

  const bucketOf = (hash: number): number => (hash & (slots - 1) & ~1) >>> 0;
  const isOlder = (slot: number, other: number): boolean =>
    laps[slot] === laps[other] ? offsets[slot]! < offsets[other]! : laps[slot]! < laps[other]!;
  const isKept = (slot: number): boolean =>
    laps[slot] === lap || (laps[slot] === lap - 1 && offsets[slot]! >= next);
  const isAt = (slot: number, number: number, bytes: Buffer, field: number, fieldEnd: number): boolean => {
    if (!isKept(slot)) return false;
    const at = offsets[slot]!;
    if (u32(ring, at) !== number || u16(ring, at + 4) !== fieldEnd - field) return false;
    for (let from = field, to = at + HEAD_BYTES; from < fieldEnd; from += 1, to += 1)
      if (ring[to] !== bytes[from]) return false;
    return true;
  };
  const valueIn = (slot: number): MessageAggregate => {
    const at = offsets[slot]!;
    const value = at + HEAD_BYTES + u16(ring, at + 4);
    return decodeMessage(ring.subarray(value, value + ring[at + 6]!));
  };
  return {
    get(hash: number, number: number, bytes: Buffer, field: number, fieldEnd: number) {
      const slot = bucketOf(hash);
      const younger = isOlder(slot, slot + 1) ? slot + 1 : slot;
      if (isAt(younger, number, bytes, field, fieldEnd)) return valueIn(younger);
      const older = younger ^ 1;
      return isAt(older, number, bytes, field, fieldEnd) ? valueIn(older) : null;
    },
    put(
      hash: number,
      number: number,
      bytes: Buffer,
      field: number,
      fieldEnd: number,
      value: number,
      valueEnd: number,
    ): void {
      const length = HEAD_BYTES + (fieldEnd - field) + (valueEnd - value);
      if (next + length > messages) {
        lap += 1;
        next = 0;
      }
      const slot = bucketOf(hash);
      const oldest = isOlder(slot + 1, slot) ? slot + 1 : slot;
      laps[oldest] = lap;
      offsets[oldest] = next;
      let at = next;
      for (let rest = number, left = 4; left > 0; left -= 1, rest >>>= 8) ring[at++] = rest;
      ring[at++] = fieldEnd - field;
      ring[at++] = (fieldEnd - field) >> 8;
      ring[at++] = valueEnd - value;
      for (let from = field; from < fieldEnd; from += 1) ring[at++] = bytes[from]!;
      for (let from = value; from < valueEnd; from += 1) ring[at++] = bytes[from]!;
      next = at;
    },
  };
}

/** Bits that a hash sets in the filter, all in one block: a line of the processor's cache. */
const PROBES = 3;
const BLOCK_WORDS = 16;
/** With eight bits for each hash, one in thirty of the others seems to be in the filter. */
const BITS_PER_HASH = 8;

/**
 * A Bloom filter of hashes, in blocks (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): no false
 * negatives. Full, it begins again empty, under the next number.
 */
function bloomFilter(hashes: number) {
  const blocks = Math.max(1, (hashes * BITS_PER_HASH) / (32 * BLOCK_WORDS));
  let words = new Uint32Array(blocks * BLOCK_WORDS);
  let begun = 1;
  let added = 0;
  const blockOf = (hash: number): number => (hash & (blocks - 1)) * BLOCK_WORDS;
  return {
    begun: () => begun,
    has(hash: number): boolean {
      const block = blockOf(hash);
      for (let probe = 0, rest = mixed(hash); probe < PROBES; probe += 1, rest >>>= 9)
        if ((words[block + (rest & 15)]! & (1 << ((rest >>> 4) & 31))) === 0) return false;
      return true;
    },
    add(hash: number): void {
      const block = blockOf(hash);
      let isNew = false;
      for (let probe = 0, rest = mixed(hash); probe < PROBES; probe += 1, rest >>>= 9) {
        const word = block + (rest & 15);
        const mask = 1 << ((rest >>> 4) & 31);
        isNew ||= (words[word]! & mask) === 0;
        words[word]! |= mask;
      }
      if (!isNew || ++added < hashes) return;
      words = new Uint32Array(words.length);
      begun += 1;
      added = 0;
    },
  };
}
