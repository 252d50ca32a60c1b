import type { Random } from './clock';

/**
 * How long to wait after a failed attempt, the first of which is 0, in milliseconds: doubling from `first` to `most`, and
 * jittered down by up to a half, so that parties that failed together do not repeat together.
 */
export function backoffMs(
  attempt: number,
  random: Random,
  { first, most }: { readonly first: number; readonly most: number } = { first: 50, most: 500 },
): number {
  return Math.min(most, first * 2 ** attempt) * (1 - random() / 2);
}
