// Deliveries that are the same but for their policy. Pure.

/** @import { Delivery } from './model.js' */
import { count } from './format.js';

/** @typedef {{ readonly name: string, readonly one: Delivery, readonly other: Delivery }} Pair
 * Where they are the same but for the policy, `one` is the one under EFS. */

const POLICY_WORD = /(^|[^a-z0-9])(efs|relay)(?=$|[^a-z0-9])/i;

/**
 * What two deliveries of a pair have in common: the id without the word of the policy; null where there is none.
 * @param {string} deliveryId
 */
function stem(deliveryId) {
  if (!POLICY_WORD.test(deliveryId)) return null;
  return deliveryId.replace(POLICY_WORD, '').replace(/^[^a-z0-9]+|[^a-z0-9]+$/gi, '');
}

/**
 * Pairs that are named as such: two ids that differ in the word `efs` or `relay` alone, under these policies. They are
 * taken to have had the same feedback.
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
 * What the space between the two lines is: what has no outcome yet, and what fell silent for good. Policy EFS fails that
 * when its validity period is over; policy RELAY, which has heard of no failure, does not.
 * @param {Pair} pair the first of policy EFS, the other of policy RELAY
 */
export function gapText({ one: { kpis: efs }, other: { kpis: relay } }) {
  if (efs.success === null || relay.success === null) return '';
  const open = efs.takenIntoAccount;
  const silent = Math.max(0, efs.failedByExpiry - relay.failedByExpiry);
  if (open === 0 && silent === 0) return 'Every message has an outcome: both policies say the same.';
  const sentences = [
    open === 0
      ? null
      : `${count(open)} messages without an outcome: RELAY counts them as sent, EFS does not yet.`,
    silent === 0
      ? null
      : `${count(silent)} that were never heard of: EFS has failed them at the end of their validity period, RELAY leaves them sent.`,
  ];
  return `Between the lines: ${sentences.filter((sentence) => sentence !== null).join(' ')}`;
}
