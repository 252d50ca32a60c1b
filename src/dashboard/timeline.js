// The events of a message on a timeline. Pure.

/** @import { Mark } from './figures.js' */

/**
 * @typedef {{ readonly at: string, readonly event: string, readonly text: string, readonly bounceClass: number | null,
 *   readonly reason: string | null, readonly failureType: string | null, readonly decides: boolean,
 *   readonly topics: readonly string[] }} TimelineEvent
 * @typedef {{ readonly event: TimelineEvent, readonly share: number, readonly mark: Mark }} Place
 */

/** The marks of events, by their meaning for the message; those of others are unknown. @type {Readonly<Record<string, Mark>>} */
const MARKS = {
  DELIVERED: 'sent',
  RETRY_SUCCEEDED: 'sent',
  SOFT_BOUNCED: 'waiting',
  HARD_BOUNCE: 'failed',
  ASYNC_BOUNCE: 'failed',
  RETRY_FAILED: 'failed',
  EXPIRED: 'failed',
};

/** The least distance of two events, as a share of the line: neither covers the other. */
const APART = 0.06;

/** The same shares in the same order, moved just enough to be distinguishable. @param {readonly number[]} shares */
function apart(shares) {
  const moved = [...shares];
  for (let at = 1; at < moved.length; at++)
    moved[at] = Math.max(moved[at] ?? 0, (moved[at - 1] ?? 0) + APART);
  let most = 1;
  for (let at = moved.length - 1; at >= 0; at--) {
    moved[at] = Math.min(moved[at] ?? 0, most);
    most = (moved[at] ?? 0) - APART;
  }
  return moved;
}

/**
 * The positions of the events on a line from the first event to the end of the validity period, or to the last event
 * where that is later, as shares of the line. `validUntil` is where the MTA must have given up.
 * @param {readonly TimelineEvent[]} events in order of time
 * @param {string} validUntil
 * @returns {{ places: readonly Place[], validUntil: number, spanMs: number }}
 */
export function placed(events, validUntil) {
  const times = events.map(({ at }) => Date.parse(at));
  const until = Date.parse(validUntil);
  const first = Math.min(...times, until);
  const last = Math.max(...times, until);
  const spanMs = last - first;
  const share = (/** @type {number} */ at) => (spanMs === 0 ? 0 : (at - first) / spanMs);
  const shares = apart(times.map(share));
  return {
    places: events.map((event, index) => ({
      event,
      share: shares[index] ?? 0,
      mark: MARKS[event.event] ?? 'unknown',
    })),
    validUntil: share(until),
    spanMs,
  };
}
