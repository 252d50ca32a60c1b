import type { Millis } from '../feedback/feedback';
import type { KpiView } from './delivery-view';

/*
 * What has grown old leaves the window as it leaves Redis (src/pipeline/retention.ts): nothing new for the retention by
 * event time, and nothing at all for an hour. The topic keeps the last record of every delivery, so without this a
 * service would show, and hold, all there ever were.
 */

/** How long nothing may have been published of a delivery that is to leave. */
const QUIET_MS = 3_600_000;

export interface Ageing {
  /** A record of a delivery has been read that was published at this time. */
  heard(deliveryId: string, at: Millis): void;
  /** Removes from the view what is old by now. */
  letGo(now: Millis): void;
}

export function ageing(view: KpiView, retentionMs: number): Ageing {
  const heardAt = new Map<string, Millis>();
  return {
    heard: (deliveryId, at) => void heardAt.set(deliveryId, at),
    letGo(now) {
      for (const { deliveryId, asOf } of view.deliveries()) {
        const isQuiet = (heardAt.get(deliveryId) ?? now) + QUIET_MS < now;
        if (isQuiet && Date.parse(asOf) + retentionMs < now) view.remove(deliveryId);
      }
      for (const deliveryId of heardAt.keys()) {
        if (view.get(deliveryId) === null) heardAt.delete(deliveryId);
      }
    },
  };
}
