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
  return {
    places: events.map((event, index) => ({
      event,
      share: share(times[index] ?? first),
      mark: markOf(event.event),
    })),
    validUntil: share(until),
    spanMs,
  };
}
