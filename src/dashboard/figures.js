// Shares, segments and rows to draw from the KPIs of a delivery, by the rules of the two policies. Pure.

/** @import { Kpis, Policy } from './model.js' */
/** @import { Term } from './glossary.js' */
import { words } from './format.js';

/**
 * A part of a whole to draw: its label, its glossary term, its value, and its mark (colour and pattern).
 * @typedef {{ readonly label: string, readonly term: Term, readonly mark: Mark, readonly value: number }} Part
 * @typedef {'sent' | 'unknown' | 'waiting' | 'failed'} Mark
 *
 * The same with a word that comes from data, and may not be in the glossary.
 * @typedef {Omit<Part, 'term'> & { readonly term: string }} Line
 */

/**
 * The messages of a delivery by their feedback so far, in the order in which Success reads them: delivered, without
 * feedback, waiting for a retry, failed. They add up to `relayed`. In policy EFS
 * Success ends where the delivered end; in policy RELAY where the failed begin.
 * @param {Kpis} kpis
 * @param {Policy} policy
 * @returns {readonly Part[]}
 */
export function segments(kpis, policy) {
  const open = Math.max(0, kpis.relayed - kpis.delivered - kpis.failed);
  const waiting = Math.min(open, kpis.waitingForRetry);
  const pending = policy === 'EFS' ? 'Taken into account, no feedback yet' : 'Sent, no feedback yet';
  return [
    {
      label: policy === 'EFS' ? 'Sent' : 'Sent and delivered',
      term: 'delivered',
      mark: 'sent',
      value: kpis.delivered,
    },
    {
      label: pending,
      term: policy === 'EFS' ? 'TAKEN_INTO_ACCOUNT' : 'SENT',
      mark: 'unknown',
      value: open - waiting,
    },
    { label: 'Waiting for a retry', term: 'waiting for a retry', mark: 'waiting', value: waiting },
    { label: 'Failed', term: 'FAILED', mark: 'failed', value: kpis.failed },
  ];
}

/**
 * What Success would be under the other policy, from the same feedback.
 * @param {Kpis} kpis
 * @param {Policy} policy
 */
export function otherSuccess(kpis, policy) {
  if (kpis.relayed === 0) return null;
  const numerator = policy === 'EFS' ? kpis.relayed - kpis.failed : kpis.delivered;
  return numerator / kpis.relayed;
}

/** @param {Policy} policy @returns {Policy} */
export const otherPolicy = (policy) => (policy === 'EFS' ? 'RELAY' : 'EFS');

/**
 * Failed messages by what decided them; they add up to `failed`.
 * @param {Kpis} kpis
 * @returns {readonly Part[]}
 */
export function failedByDecision(kpis) {
  return [
    { label: 'Hard bounce', term: 'failed by a hard bounce', mark: 'failed', value: kpis.failedByHardBounce },
    {
      label: 'Asynchronous bounce',
      term: 'failed by an asynchronous bounce',
      mark: 'failed',
      value: kpis.failedByAsyncBounce,
    },
    { label: 'Last retry', term: 'failed by the last retry', mark: 'failed', value: kpis.failedByRetry },
    { label: 'Expiry', term: 'failed by expiry', mark: 'failed', value: kpis.failedByExpiry },
  ];
}

/**
 * Messages that soft-bounced, by their outcome; they add up to `softBounced`.
 * @param {Kpis} kpis
 * @returns {readonly Part[]}
 */
export function softBounces(kpis) {
  const { softBounced, recovered, waitingForRetry } = kpis;
  return [
    { label: 'Recovered', term: 'recovered', mark: 'sent', value: recovered },
    { label: 'Waiting for a retry', term: 'waiting for a retry', mark: 'waiting', value: waitingForRetry },
    {
      label: 'Failed in the end',
      term: 'FAILED',
      mark: 'failed',
      value: Math.max(0, softBounced - recovered - waitingForRetry),
    },
  ];
}

/**
 * Messages that recipients complained about, and their share of the delivered; null without any delivered. They are beside
 * the statuses.
 * @param {Kpis} kpis
 */
export function complaints({ complained, delivered }) {
  return { value: complained, share: delivered === 0 ? null : complained / delivered };
}

/**
 * Counts by reason, most first.
 * @param {Readonly<Record<string, number>>} counts
 * @param {(reason: string) => string} [labelOf]
 * @returns {readonly Line[]}
 */
export function reasonLines(counts, labelOf = words) {
  return Object.entries(counts)
    .sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1))
    .map(([reason, value]) => ({ label: labelOf(reason), term: reason, mark: 'failed', value }));
}

/**
 * Domain groups, largest first, each split like the delivery; `open` messages are neither sent nor failed. In policy
 * RELAY there are none: a relayed message is sent.
 * @param {Kpis} kpis
 */
export function domains(kpis) {
  return Object.entries(kpis.byDomain)
    .map(([group, counts]) => ({ group, ...counts, open: counts.relayed - counts.sent - counts.failed }))
    .sort((a, b) => b.relayed - a.relayed || (a.group < b.group ? -1 : 1));
}
