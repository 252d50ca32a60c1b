// What the page knows: deliveries with their figures, what changed since it was last drawn, and how fresh it all is.
// Pure; times are milliseconds since 1970 and come in as arguments.

/**
 * @typedef {'EFS' | 'RELAY'} Policy
 * @typedef {{ readonly relayed: number, readonly sent: number, readonly failed: number,
 *   readonly softBounced: number }} DomainCounts
 * @typedef {{ readonly successes: number, readonly errors: number }} HourCounts
 * @typedef {{
 *   readonly relayed: number, readonly deliverySize: number | null, readonly takenIntoAccount: number,
 *   readonly sent: number, readonly failed: number, readonly delivered: number, readonly success: number | null,
 *   readonly failedByHardBounce: number, readonly failedByAsyncBounce: number, readonly failedByRetry: number,
 *   readonly failedByExpiry: number, readonly softBounced: number, readonly waitingForRetry: number,
 *   readonly recovered: number, readonly failedByReason: Readonly<Record<string, number>>,
 *   readonly byDomain: Readonly<Record<string, DomainCounts>>,
 *   readonly throughput: Readonly<Record<string, HourCounts>>
 * }} Kpis
 * @typedef {{ readonly deliveryId: string, readonly policy: Policy, readonly generation: number,
 *   readonly revision: number, readonly asOf: string, readonly kpis: Kpis }} Delivery
 * @typedef {{ readonly since: string, readonly reason: string }} Staleness
 * @typedef {{ readonly at: number, readonly success: number | null }} Sight
 * @typedef {{ delivery: Delivery, changedAt: number | null, sights: Sight[] }} Entry
 * `changedAt` is when the page last saw it change; null before.
 */

/** How far back the page remembers what it saw of a delivery. */
const SIGHTS_KEPT = 13;
const SIGHT_EVERY_MS = 5_000;
const RATE_OVER_MS = 5_000;

/** @param {Delivery} a @param {Delivery} b */
const isLater = (a, b) => (a.generation - b.generation || a.revision - b.revision) > 0;

/**
 * Adds what is seen now; of a delivery that changes all the time one sight in five seconds is kept, for a minute.
 * @param {Sight[]} sights
 * @param {Sight} sight
 */
function remember(sights, sight) {
  const last = sights.at(-1);
  if (last !== undefined && sight.at - last.at < SIGHT_EVERY_MS) return;
  sights.push(sight);
  if (sights.length > SIGHTS_KEPT) sights.shift();
}

/** The page's memory. Bounded by the number of deliveries that are watched. */
export function createModel() {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Set<string>} */
  const changed = new Set();
  /** Changes by second, newest last. @type {{ second: number, changes: number }[]} */
  let rate = [];

  return {
    /**
     * Takes the figures of a delivery. False where they are no news: the page holds the same or later ones.
     * @param {Delivery} delivery
     * @param {number} now
     */
    take(delivery, now) {
      const known = entries.get(delivery.deliveryId);
      if (known === undefined) {
        const sights = [{ at: now, success: delivery.kpis.success }];
        entries.set(delivery.deliveryId, { delivery, changedAt: null, sights });
      } else {
        if (!isLater(delivery, known.delivery)) return false;
        remember(known.sights, { at: now, success: delivery.kpis.success });
        known.delivery = delivery;
        known.changedAt = now;
      }
      changed.add(delivery.deliveryId);
      return true;
    },
    /** @param {string} deliveryId */
    remove(deliveryId) {
      entries.delete(deliveryId);
      changed.add(deliveryId);
    },
    /** Forgets all but these. @param {Iterable<string>} deliveryIds */
    keep(deliveryIds) {
      const kept = new Set(deliveryIds);
      for (const deliveryId of entries.keys()) if (!kept.has(deliveryId)) entries.delete(deliveryId);
    },
    /** Forgets all: another server counts from its own beginning. */
    clear() {
      for (const deliveryId of entries.keys()) changed.add(deliveryId);
      entries.clear();
    },
    /** @param {string} deliveryId */
    get: (deliveryId) => entries.get(deliveryId) ?? null,
    entries: () => [...entries.values()],
    /** What changed since the last call. */
    changes() {
      const since = new Set(changed);
      changed.clear();
      return since;
    },
    /** Counts changes that arrived, for `rate`. @param {number} changes @param {number} now */
    arrived(changes, now) {
      const second = Math.floor(now / 1_000);
      const last = rate.at(-1);
      if (last?.second === second) last.changes += changes;
      else rate.push({ second, changes });
      rate = rate.filter((each) => (second - each.second) * 1_000 <= RATE_OVER_MS);
    },
    /** Changes a second, over the last five whole seconds. @param {number} now */
    rate(now) {
      const second = Math.floor(now / 1_000);
      const counted = rate.filter((each) => each.second < second && second - each.second <= 5);
      return counted.reduce((sum, each) => sum + each.changes, 0) / (RATE_OVER_MS / 1_000);
    },
  };
}

/** @typedef {ReturnType<typeof createModel>} Model */

/**
 * How Success moved over the last minute that the page has seen; null where it was not shown or was not watched.
 * @param {Entry} entry
 * @param {number} now
 * @returns {{ change: number, over: number } | null}
 */
export function movement({ delivery, sights }, now) {
  const first = sights.find(({ at, success }) => success !== null && now - at <= 65_000);
  if (first === undefined || first.success === null || delivery.kpis.success === null) return null;
  if (now - first.at < SIGHT_EVERY_MS) return null;
  return { change: delivery.kpis.success - first.success, over: now - first.at };
}
