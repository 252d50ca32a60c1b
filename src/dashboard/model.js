// The page's model: deliveries with their KPIs, what changed since the last frame, and the rate of changes.
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
 *   readonly recovered: number, readonly complained: number, readonly failedByReason: Readonly<Record<string, number>>,
 *   readonly byDomain: Readonly<Record<string, DomainCounts>>,
 *   readonly throughput: Readonly<Record<string, HourCounts>>
 * }} Kpis
 * @typedef {{ readonly deliveryId: string, readonly policy: Policy, readonly generation: number,
 *   readonly revision: number, readonly asOf: string, readonly kpis: Kpis }} Delivery
 * @typedef {{ readonly since: string, readonly reason: string }} Staleness
 * @typedef {{ readonly at: number, readonly success: number | null }} Sample
 * @typedef {{ delivery: Delivery, changedAt: number | null, samples: Sample[] }} Entry
 * `changedAt` is when the page last received a change of it; null before.
 */

/** Samples of Success kept of each delivery. */
const SAMPLES_KEPT = 13;
const SAMPLE_EVERY_MS = 5_000;
const RATE_OVER_MS = 5_000;

/** @param {Delivery} a @param {Delivery} b */
const isLater = (a, b) => (a.generation - b.generation || a.revision - b.revision) > 0;

/**
 * Adds a sample; at most one every five seconds is kept, for a minute.
 * @param {Sample[]} samples
 * @param {Sample} sample
 */
function addSample(samples, sample) {
  const last = samples.at(-1);
  if (last !== undefined && sample.at - last.at < SAMPLE_EVERY_MS) return;
  samples.push(sample);
  if (samples.length > SAMPLES_KEPT) samples.shift();
}

/** Creates the model. Its size is bounded by the number of deliveries that a view keeps. */
export function createModel() {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Set<string>} */
  const changed = new Set();
  /** @type {ReadonlySet<string>} */
  let kept = new Set();
  /** Changes by second, newest last. @type {{ second: number, changes: number }[]} */
  let rate = [];

  return {
    /**
     * Takes the KPIs of a delivery. False where the model holds the same or later ones.
     * @param {Delivery} delivery
     * @param {number} now
     */
    take(delivery, now) {
      const known = entries.get(delivery.deliveryId);
      if (known === undefined) {
        const samples = [{ at: now, success: delivery.kpis.success }];
        entries.set(delivery.deliveryId, { delivery, changedAt: null, samples });
      } else {
        if (!isLater(delivery, known.delivery)) return false;
        addSample(known.samples, { at: now, success: delivery.kpis.success });
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
    /** Removes all but these; `keeps` is true of them from now on. @param {Iterable<string>} deliveryIds */
    keep(deliveryIds) {
      kept = new Set(deliveryIds);
      for (const deliveryId of entries.keys()) if (!kept.has(deliveryId)) entries.delete(deliveryId);
    },
    keeps: (/** @type {string} */ deliveryId) => kept.has(deliveryId),
    /** Removes all: another process numbers its changes by itself. */
    clear() {
      for (const deliveryId of entries.keys()) changed.add(deliveryId);
      entries.clear();
    },
    /** @param {string} deliveryId */
    get: (deliveryId) => entries.get(deliveryId) ?? null,
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
 * The change of Success over the last minute of samples; null where it was not shown or not sampled.
 * @param {Entry} entry
 * @param {number} now
 * @returns {{ change: number, over: number } | null}
 */
export function movement({ delivery, samples }, now) {
  const first = samples.find(({ at, success }) => success !== null && now - at <= 65_000);
  if (first === undefined || first.success === null || delivery.kpis.success === null) return null;
  if (now - first.at < SAMPLE_EVERY_MS) return null;
  return { change: delivery.kpis.success - first.success, over: now - first.at };
}
