import type { Clock } from '../base/clock';
import type { Source } from '../log/source';

/** The burst that is allowed after a pause, as time. */
const BURST_MS = 250;

/**
 * When the next records are allowed, and how long to wait until then, after `records` were taken at `now`: at most
 * `perSecond` in the long run. Times in milliseconds.
 */
export function reserve(
  freeAt: number,
  now: number,
  records: number,
  perSecond: number,
): { readonly freeAt: number; readonly waitMs: number } {
  const next = Math.max(freeAt, now - BURST_MS) + (records * 1_000) / perSecond;
  return { freeAt: next, waitMs: Math.max(0, next - now) };
}

/** A source whose inboxes together deliver at most `perSecond` records per second. */
export function throttled(
  source: Pick<Source, 'open'>,
  clock: Clock,
  perSecond: number,
): Pick<Source, 'open'> {
  let freeAt = -Infinity;
  // Large batches at a small rate would arrive in bursts.
  const batchMax = Math.max(1, Math.ceil((perSecond * BURST_MS) / 1_000));
  return {
    async open(partition, positions, until) {
      const inbox = await source.open(partition, positions, until);
      return {
        ...inbox,
        async take(options) {
          const batch = await inbox.take({ ...options, max: Math.min(options.max, batchMax) });
          const reserved = reserve(freeAt, clock.monotonic(), batch?.records.length ?? 0, perSecond);
          freeAt = reserved.freeAt;
          if (reserved.waitMs > 0) await clock.sleep(reserved.waitMs);
          return batch;
        },
      };
    },
  };
}
