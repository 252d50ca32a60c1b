// Pairs of deliveries that differ only in their policy. Pure.

/** @import { Delivery } from './model.js' */
import { count } from './format.js';

/** @typedef {{ readonly name: string, readonly one: Delivery, readonly other: Delivery }} Pair
 * Where they differ only in the policy, `one` is the one under EFS. */

const POLICY_WORD = /(^|[^a-z0-9])(efs|relay)(?=$|[^a-z0-9])/i;

/**
 * The common name of a pair: the id without the word of the policy; null for an id without that word.
 * @param {string} deliveryId
 */
function stem(deliveryId) {
  if (!POLICY_WORD.test(deliveryId)) return null;
  return deliveryId.replace(POLICY_WORD, '').replace(/^[^a-z0-9]+|[^a-z0-9]+$/gi, '');
}

/**
 * Pairs by name: two ids that differ only in the word `efs` or `relay`, under these policies. They are assumed to have
 * had the same feedback.
 * @param {readonly Delivery[]} deliveries
 * @returns {Pair[]}
 */
export function pairsOf(deliveries) {
  /** @type {Map<string, Delivery[]>} */
  const byStem = new Map();
  for (const delivery of deliveries) {
    const name = stem(delivery.deliveryId);
    if (name !== null) byStem.set(name, [...(byStem.get(name) ?? []), delivery]);
  }
  return [...byStem].flatMap(([name, members]) => {
    const efs = members.filter(({ policy }) => policy === 'EFS');
    const relay = members.filter(({ policy }) => policy === 'RELAY');
    const [one, other] = [efs[0], relay[0]];
    return one !== undefined && other !== undefined && members.length === 2 ? [{ name, one, other }] : [];
  });
}

/**
 * Explains the space between the two lines: messages without an outcome yet, and messages that never got feedback.
 * Policy EFS fails the latter when their validity period is over; policy RELAY, which has no failure of them, does not.
 * @param {Pair} pair the first of policy EFS, the other of policy RELAY
 */
export function gapText({ one: { kpis: efs }, other: { kpis: relay } }) {
  if (efs.success === null || relay.success === null) return '';
  const open = efs.takenIntoAccount;
  const expired = Math.max(0, efs.failedByExpiry - relay.failedByExpiry);
  if (open === 0 && expired === 0) return 'Every message has an outcome: both policies count the same.';
  const sentences = [
    open === 0
      ? null
      : `${count(open)} messages without an outcome: RELAY counts them as sent, EFS does not yet.`,
    expired === 0
      ? null
      : `${count(expired)} that never got feedback: EFS has failed them at the end of their validity period, RELAY leaves them sent.`,
  ];
  return `Between the lines: ${sentences.filter((sentence) => sentence !== null).join(' ')}`;
}
