// The story of a message on a line of time. Pure.

/**
 * @typedef {{ readonly at: string, readonly event: string, readonly text: string, readonly bounceClass: number | null,
 *   readonly reason: string | null, readonly failureType: string | null, readonly decides: boolean,
 *   readonly topics: readonly string[] }} StoryEvent
 * @typedef {{ readonly event: StoryEvent, readonly share: number, readonly mark: 'sent' | 'unknown' | 'waiting' | 'failed' }} Place
 */

/** The mark of an event: what it says about the message. @param {string} event @returns {Place['mark']} */
export function markOf(event) {
  switch (event) {
    case 'DELIVERED':
    case 'RETRY_SUCCEEDED':
      return 'sent';
    case 'HARD_BOUNCE':
    case 'ASYNC_BOUNCE':
    case 'RETRY_FAILED':
    case 'EXPIRED':
      return 'failed';
    case 'SOFT_BOUNCED':
      return 'waiting';
    default:
      return 'unknown';
  }
}

/** Between two events at least, as a share of the line: so far that neither covers the other. */
const APART = 0.06;

/** The same shares in the same order, moved no more than it takes to tell them apart. @param {readonly number[]} shares */
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
 * Where the events stand on a line from the first of them to the end of the validity period, or to the last event where
 * that is later; shares of the line. `validUntil` is where the MTA must have given up.
 * @param {readonly StoryEvent[]} events in order of time
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
    places: events.map((event, index) => ({ event, share: shares[index] ?? 0, mark: markOf(event.event) })),
    validUntil: share(until),
    spanMs,
  };
}
