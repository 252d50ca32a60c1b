// Deliveries that are the same but for their policy. Pure.

/** @import { Delivery } from './model.js' */

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
