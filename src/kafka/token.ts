import { must } from '../base/assert';
import type { Clock } from '../base/clock';

/** A bearer token, and how long it is valid from when it was asked for, in milliseconds. */
export interface Token {
  readonly value: string;
  readonly lifetimeMs: number;
}

/** The share of its life after which a token is replaced. */
const RENEWED_AFTER = 0.8;

/** The share of its life after which a token is not given out: it would end a session almost as soon as it began. */
const USED_FOR = 0.9;

/** How long a failure is the answer for everyone, so that many connections are not as many requests. */
const FAILURE_HELD_MS = 1_000;

/**
 * One token for all connections. `ask` is called when a token is wanted and the last one has lived four fifths of its
 * life, once for all who wait. Where it fails, the last token is given for as long as a tenth of its life is left; then
 * the error is thrown, and `ask` is not called again for a second.
 */
export function sharedToken(
  ask: () => Promise<Token>,
  clock: Pick<Clock, 'monotonic'>,
): () => Promise<string> {
  let held: { value: string; renewAt: number; usedUntil: number } | null = null;
  let failed: { error: unknown; until: number } | null = null;
  let asking: Promise<void> | null = null;

  const renew = async (): Promise<void> => {
    const asked = clock.monotonic();
    try {
      const { value, lifetimeMs } = await ask();
      held = { value, renewAt: asked + lifetimeMs * RENEWED_AFTER, usedUntil: asked + lifetimeMs * USED_FOR };
      failed = null;
    } catch (error) {
      failed = { error, until: clock.monotonic() + FAILURE_HELD_MS };
    }
  };
  const isDue = (): boolean =>
    clock.monotonic() >= (held?.renewAt ?? 0) && clock.monotonic() >= (failed?.until ?? 0);

  return async () => {
    if (isDue()) await (asking ??= renew().finally(() => (asking = null)));
    if (held !== null && clock.monotonic() < held.usedUntil) return held.value;
    throw must(failed, 'without a token there is a failure').error;
  };
}
