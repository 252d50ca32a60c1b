import { HOUR_MS } from '../base/time';
import type { Millis } from '../feedback/feedback';
import type { DeliveryView } from './delivery-view';

/*
 * The read model evicts a delivery when Redis does (src/pipeline/retention.ts): its latest event time is older than the
 * retention, and no record of it has been published for an hour. The KPI topic keeps the last record of every delivery,
 * so without eviction a service would show, and hold, every delivery there ever was.
 */

/** No record of a delivery may have been published for this long before it is evicted. */
const QUIET_MS = HOUR_MS;

export interface Eviction {
  /** Notes that a record of a delivery was published at this time. */
  published(deliveryId: string, at: Millis): void;
  /** Removes the deliveries that are old by now from the view. */
  evict(now: Millis): void;
}

export function viewEviction(view: DeliveryView, retentionMs: number): Eviction {
  const publishedAt = new Map<string, Millis>();
  return {
    published: (deliveryId, at) => void publishedAt.set(deliveryId, at),
    evict(now) {
      for (const { deliveryId, asOf } of view.deliveries()) {
        const isQuiet = (publishedAt.get(deliveryId) ?? now) + QUIET_MS < now;
        if (isQuiet && Date.parse(asOf) + retentionMs < now) view.remove(deliveryId);
      }
      for (const deliveryId of publishedAt.keys()) {
        if (view.get(deliveryId) === null) publishedAt.delete(deliveryId);
      }
    },
  };
}
