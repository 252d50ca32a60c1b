import { LATE_BOUNCES_MS, VALIDITY_MAX_MS } from '../base/time';
import type { Millis } from './feedback';

/** What the index of native ids has under a key: whose message it is, and when an event said so. */
export interface IndexEntry {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly at: Millis;
}

/** How far in time an event may be from the entry that names its message: as long as a message is retried, and may then bounce. */
export const INDEX_SPAN_MS = VALIDITY_MAX_MS + LATE_BOUNCES_MS;

/** The value of a record of the index. */
export const indexValue = ({ deliveryId, messageId, at }: IndexEntry): Buffer =>
  Buffer.from(JSON.stringify({ deliveryId, messageId, at }));

/** The entry that a value holds; null for what another program wrote. */
export function indexEntryOf(value: string): IndexEntry | null {
  try {
    const { deliveryId, messageId, at } = JSON.parse(value) as Record<string, unknown>;
    if (typeof deliveryId !== 'string' || typeof messageId !== 'string') return null;
    return typeof at === 'number' ? { deliveryId, messageId, at } : null;
  } catch {
    return null;
  }
}
