import type { Dice } from '../../src/simulation/dice';

const BYTES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x22, 0x2f, 0x25, 0x5b, 0x7b, 0x0a];
const WORDS = [0, 1, -1, 0x7fffffff, -0x80000000, 0xffff, 0x10000, 1 << 20];
/** Varints at the edges: of 32 bits, of 53, of 64, and one that does not end. */
const VARINTS = [
  'feffffff0f',
  'ffffffff0f',
  'fcffffffffffff1f',
  'ffffffffffffffffff01',
  '8080808080808080808080',
].map((hex) => Buffer.from(hex, 'hex'));

type Change = (input: Buffer, random: Dice, others: readonly Buffer[]) => Buffer;

const pick = <T>(random: Dice, all: readonly T[]): T => all[random.below(all.length)] as T;

function spliced(input: Buffer, at: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), added, input.subarray(at + removed)]);
}

/** A part of the input: start and length. */
function partOf(input: Buffer, random: Dice): [number, number] {
  const at = random.below(input.length + 1);
  return [at, random.below(Math.min(input.length - at, 64) + 1)];
}

const CHANGES: readonly Change[] = [
  (input, random) => {
    const copy = Buffer.from(input);
    if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
    return copy;
  },
  (input, random) => spliced(input, random.below(input.length + 1), 1, Buffer.from([pick(random, BYTES)])),
  (input, random) => spliced(input, random.below(input.length + 1), 0, Buffer.from([random.below(256)])),
  (input, random) => spliced(input, ...partOf(input, random), Buffer.alloc(0)),
  (input, random) => input.subarray(0, random.below(input.length + 1)),
  (input, random) => {
    const word = Buffer.alloc(4);
    word.writeInt32BE(pick(random, WORDS) | 0);
    return spliced(input, random.below(input.length + 1), random.chance(0.8) ? 4 : 0, word);
  },
  (input, random) => spliced(input, random.below(input.length + 1), random.below(3), pick(random, VARINTS)),
  // A part many times over: what takes quadratic time shows with it.
  (input, random) => {
    const [at, length] = partOf(input, random);
    const times = 1 << random.below(12);
    const part = input.subarray(at, at + length);
    return spliced(input, at, 0, Buffer.concat(Array<Buffer>(times).fill(part)));
  },
  (input, random, others) => {
    const other = pick(random, others);
    const [at, length] = partOf(other, random);
    return spliced(input, random.below(input.length + 1), random.below(8), other.subarray(at, at + length));
  },
  (input, random, others) => {
    const other = pick(random, others);
    return Buffer.concat([
      input.subarray(0, random.below(input.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
];

/** An input with a few changes, at most `maxBytes` long. `others` is not empty. */
export function mutated(input: Buffer, random: Dice, others: readonly Buffer[], maxBytes: number): Buffer {
  let result = input;
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    result = pick(random, CHANGES)(result, random, others).subarray(0, maxBytes);
  }
  return result;
}
