/** Seeded random numbers: the same seed and stream always give the same numbers. Not for secrets. */
export interface Dice {
  /** Uniform in 0 … 2^32 − 1. */
  u32(): number;
  /** Uniform in [0, 1). */
  unit(): number;
  /** Uniform whole number in 0 … n − 1, for n up to 2^32. */
  below(n: number): number;
  /** True in `share` of the cases. */
  chance(share: number): boolean;
}

/**
 * Chris Doty-Humphrey's sfc32. `stream` separates independent sequences of one seed: an additional draw from one changes
 * no other.
 */
export function dice(seed: number, stream: number): Dice {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = stream >>> 0;
  let counter = 1;
  const u32 = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) u32();
  const unit = (): number => u32() / 2 ** 32;
  return { u32, unit, below: (n) => Math.floor(unit() * n), chance: (share) => share > 0 && unit() < share };
}

/** Draws one of several values by weight, in constant time, with a resolution of 1 in 4,096. */
export function weighted<T>(choices: readonly (readonly [value: T, weight: number])[]): (source: Dice) => T {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  const slots: T[] = [];
  let reached = 0;
  for (const [value, weight] of choices) {
    reached += weight;
    while (slots.length < Math.round((reached / total) * 4096)) slots.push(value);
  }
  return (source) => slots[source.u32() >>> 20] as T;
}

const HEX = Buffer.from('0123456789abcdef', 'latin1');
const DASHES = new Set([8, 13, 18, 23]);
const DIGITS = Array.from({ length: 36 }, (_, i) => i).filter((i) => !DASHES.has(i));
const uuidText = Buffer.alloc(36, '-', 'latin1');

/** A random (version 4) UUID in lower case. */
export function uuid(source: Dice): string {
  let bits = 0;
  for (let i = 0; i < 32; i++) {
    bits = i % 8 === 0 ? source.u32() : bits >>> 4;
    const digit = i === 12 ? 4 : i === 16 ? 8 | (bits & 3) : bits & 15;
    uuidText[DIGITS[i] as number] = HEX[digit] as number;
  }
  return uuidText.toString('latin1');
}
