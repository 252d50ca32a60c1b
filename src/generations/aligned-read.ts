import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Positions } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import { retiredAmong } from '../pipeline/retention';
import type { Store } from '../store/store';
import type { ReadableStore } from '../tasks/retrying';
import { taskOf } from './candidate';
import type { MessageDifference, Sides } from './comparison';
import type { Rebuild } from './rebuild';

export interface CompareDeps {
  readonly store: ReadableStore;
  readonly rebuild: Pick<Rebuild, 'active' | 'candidate' | 'holdAt' | 'letGo' | 'confirm'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  /** Gets how many messages have been compared, now and then. */
  onProgress?(messages: number): void;
}

/** Differences that are listed one by one. */
export const LISTED_MAX = 100;
const ATTEMPTS = 25;
const PAUSE_MS = 200;

/** What has been found so far, in all partitions. */
export interface Findings {
  messages: number;
  readonly deliveries: Set<DeliveryId>;
  readonly listed: MessageDifference[];
}

/** One comparison under way. */
export interface Work extends CompareDeps {
  readonly sides: Sides;
  readonly findings: Findings;
}

type Reads = Parameters<Store['load']>[1];

/** The values of the active generation, while the candidate stands at just their positions; null where it never does. */
export async function readAligned(
  { store, rebuild, clock, sides }: Work,
  partition: number,
  reads: Reads,
): Promise<{ positions: Positions; values: Awaited<ReturnType<Store['load']>> } | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await store.loadAt(taskOf(sides.active, partition), reads);
    if (found !== null && (await rebuild.holdAt(partition, found.positions))) return found;
    await clock.sleep(PAUSE_MS);
  }
  return null;
}

/**
 * Of some deliveries those that both sides have to know alike. What is retired one side lets go before the other, and the
 * candidate may never have had it; whether it is must be asked after both were read, or it may be retired in between.
 */
export async function keptAmong(
  { store, sides }: Work,
  ids: readonly DeliveryId[],
): Promise<readonly DeliveryId[]> {
  const retired = await retiredAmong(store, sides.active, ids);
  return ids.filter((id) => !retired.has(id));
}

/** The tally of one partition. */
export interface Tally {
  positions: Positions;
  deliveries: number;
  messages: number;
  active: bigint;
  candidate: bigint;
  differingMessages: number;
  readonly differing: Set<DeliveryId>;
  comparable: boolean;
}
