import { must } from '../base/assert';
import type { Clock } from '../base/clock';

/** A bearer token, and how long it is valid from its request on, in milliseconds. */
export interface Token {
  readonly value: string;
  readonly lifetimeMs: number;
}

/** The share of its lifetime after which a token is replaced. */
const RENEWED_AFTER = 0.8;

/** The share of its lifetime after which a token is no longer used: the session would end almost at once. */
const USED_FOR = 0.9;

/** How long all callers get the last failure, so that many connections do not become as many requests. */
const FAILURE_HELD_MS = 1_000;

/**
 * One token for all connections. `ask` is called when a token is requested and the last one has used four fifths of its
 * lifetime, once for all waiting callers. Where it fails, the last token is used while a tenth of its lifetime is left;
 * then the error is thrown, and `ask` is not called again for a second.
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
