// The freshness of the page: a light in the header, and a banner with greyed figures while they may be stale.

/** @import { Model, Staleness } from './model.js' */
/** @import { Connection } from './stream.js' */
import { setAttribute, setText } from './dom.js';
import { clock, count, duration } from './format.js';

/**
 * The staleness of the page: the earliest time and all reasons; null while it is current.
 * @param {{ readonly lostAt: number | null, readonly stale: Staleness | null }} known
 * @returns {{ since: number, reason: string } | null}
 */
export function pageStaleness({ lostAt, stale }) {
  const all = [
    ...(lostAt === null ? [] : [{ since: lostAt, reason: 'the connection is lost; reconnecting' }]),
    ...(stale === null ? [] : [{ since: Date.parse(stale.since), reason: stale.reason }]),
  ];
  if (all.length === 0) return null;
  return {
    since: Math.min(...all.map(({ since }) => since)),
    reason: all.map(({ reason }) => reason).join('; '),
  };
}

/** @param {Model} model */
export function statusLine(model) {
  const light = /** @type {HTMLElement} */ (document.getElementById('light'));
  const banner = /** @type {HTMLElement} */ (document.getElementById('banner'));
  /** @type {Connection} */
  let connection = 'connecting';
  /** @type {number | null} */
  let lostAt = null;
  /** @type {Staleness | null} */
  let stale = null;

  /** @param {number} now */
  const draw = (now) => {
    const pageStale = pageStaleness({ lostAt, stale });
    const state = pageStale !== null ? 'stale' : connection === 'open' ? 'live' : 'connecting';
    setAttribute(document.documentElement, 'data-freshness', state);
    banner.hidden = pageStale === null;
    if (pageStale !== null) {
      setText(
        banner,
        `Stale since ${clock(pageStale.since)} UTC: ${pageStale.reason}. The figures are the last known.`,
      );
    }
    const rate = model.rate(now);
    const shown = rate > 0 && rate < 1 ? '< 1' : count(Math.round(rate));
    if (state === 'live') setText(light, `Live · ${shown} changes/s`);
    else if (pageStale !== null) setText(light, `Stale for ${duration(now - pageStale.since)}`);
    else setText(light, 'Connecting …');
  };
  return {
    /** @param {Connection} state @param {number} since @param {number} now */
    connection(state, since, now) {
      connection = state;
      if (state === 'open') lostAt = null;
      if (state === 'lost') lostAt ??= since;
      draw(now);
    },
    /** @param {Staleness | null} reported */
    stale(reported) {
      stale = reported;
    },
    isStale: () => stale !== null,
    tick: draw,
  };
}
