// A delivery hour by hour, from the throughput in its KPIs: so the whole course is available whenever the page is
// opened, and after a reload. Pure.

/** @import { Kpis, Policy } from './model.js' */

/**
 * One column per hour, without gaps: a chart's data. `at` is the beginning of the hour in seconds since 1970.
 * @typedef {{ readonly at: readonly number[], readonly successes: readonly number[],
 *   readonly errors: readonly number[] }} Hours
 */

const HOUR_SECONDS = 3_600;
/** More hours than a delivery can have (84 h of retries, seven days of bounce mails), with room. */
const HOURS_MAX = 24 * 60;
const HOUR_NAME = /^(\d{4}-\d{2}-\d{2})T(\d{2})Z$/;

/** The beginning of the hour `2026-11-22T03Z` in seconds since 1970, or null. @param {string} name */
export function hourOf(name) {
  const [, day, hour] = HOUR_NAME.exec(name) ?? [];
  const at = Date.parse(`${day}T${hour}:00:00Z`);
  return Number.isNaN(at) ? null : at / 1_000;
}

/**
 * The hours from the first to the last with a count; of too many, the latest.
 * @param {Kpis['throughput']} throughput
 * @returns {Hours}
 */
export function hoursOf(throughput) {
  /** @type {Map<number, { readonly successes: number, readonly errors: number }>} */
  const known = new Map();
  let first = Infinity;
  let last = -Infinity;
  for (const [name, counts] of Object.entries(throughput)) {
    const at = hourOf(name);
    if (at === null) continue;
    known.set(at, counts);
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  first = Math.max(first, last - (HOURS_MAX - 1) * HOUR_SECONDS);
  /** @type {{ at: number[], successes: number[], errors: number[] }} */
  const hours = { at: [], successes: [], errors: [] };
  for (let at = first; at <= last; at += HOUR_SECONDS) {
    hours.at.push(at);
    hours.successes.push(known.get(at)?.successes ?? 0);
    hours.errors.push(known.get(at)?.errors ?? 0);
  }
  return hours;
}

/**
 * Success over time, as a share of all relayed messages: the initial value, then the value at the end of each hour. In
 * policy EFS the successes up to then; in policy RELAY all but the errors up to then. The last value is Success.
 * @param {Hours} hours
 * @param {number} relayed
 * @param {Policy} policy
 * @returns {number[]}
 */
export function course({ successes, errors }, relayed, policy) {
  const steps = policy === 'EFS' ? successes : errors;
  let sum = 0;
  const share = () => {
    const part = relayed === 0 ? 0 : sum / relayed;
    return policy === 'EFS' ? part : 1 - part;
  };
  const shares = [share()];
  for (const step of steps) {
    sum += step;
    shares.push(share());
  }
  return shares;
}

/**
 * The courses of several deliveries over one time axis, which begins with the first hour of any of them: a chart's
 * data. A delivery has no value before its first hour, and keeps its last value after its last hour.
 * @param {readonly { readonly kpis: Kpis, readonly policy: Policy }[]} deliveries
 * @returns {{ at: number[], shares: (number | null)[][] }}
 */
export function courses(deliveries) {
  const each = deliveries.map(({ kpis, policy }) => {
    const hours = hoursOf(kpis.throughput);
    return { first: hours.at[0] ?? Infinity, shares: course(hours, kpis.relayed, policy) };
  });
  const first = Math.min(...each.map((one) => one.first));
  const last = Math.max(
    ...each.map((one) =>
      one.first === Infinity ? -Infinity : one.first + (one.shares.length - 1) * HOUR_SECONDS,
    ),
  );
  /** @type {number[]} */
  const at = [];
  for (let time = first; time <= last; time += HOUR_SECONDS) at.push(time);
  const shares = each.map((one) =>
    at.map((time) => {
      const index = Math.min((time - one.first) / HOUR_SECONDS, one.shares.length - 1);
      return index < 0 || one.first === Infinity ? null : (one.shares[index] ?? null);
    }),
  );
  return { at, shares };
}
