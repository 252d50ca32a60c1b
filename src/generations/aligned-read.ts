import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Positions } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import { CONTRIBUTIONS_HASH } from '../store/hashes';
import { statusTaskOf, type Store } from '../store/store';
import type { ReadableStore } from '../tasks/retrying';
import type { MessageDifference, SideName, Sides } from './comparison';
import type { Rebuild } from './rebuild';

export interface CompareDeps {
  readonly store: ReadableStore;
  readonly rebuild: Pick<Rebuild, 'active' | 'candidate' | 'holdAt' | 'release' | 'confirm'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  /** Receives the number of messages compared so far, now and then. */
  onProgress?(messages: number): void;
}

/** Maximum number of differences that are listed one by one. */
export const LISTED_MAX = 100;
const ATTEMPTS = 25;
const PAUSE_MS = 200;

/** The findings so far, over all partitions. */
export interface Findings {
  messages: number;
  readonly deliveries: Set<DeliveryId>;
  readonly listed: MessageDifference[];
}

/** The context of a running comparison. */
export interface Work extends CompareDeps {
  readonly sides: Sides;
  readonly findings: Findings;
}

type Reads = Parameters<Store['load']>[1];

/** Values of the active generation, with the candidate held at exactly their positions; null where that never succeeds. */
export async function readAligned(
  { store, rebuild, clock, sides }: Work,
  partition: number,
  reads: Reads,
): Promise<{ positions: Positions; values: Awaited<ReturnType<Store['load']>> } | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await store.loadAt(statusTaskOf(sides.active, partition), reads);
    if (found !== null && (await rebuild.holdAt(partition, found.positions))) return found;
    await clock.sleep(PAUSE_MS);
  }
  return null;
}

/**
 * The deliveries that are retired on neither side: on these both must agree. One side adopts a retirement before the other and
 * passes over what the other has folded, and it evicts the messages before. To be called after both sides were read: a delivery
 * may be retired in between.
 */
export async function withoutRetired(
  { store, sides, contribution }: Work,
  partition: number,
  ids: readonly DeliveryId[],
): Promise<readonly DeliveryId[]> {
  const reads = [{ hash: CONTRIBUTIONS_HASH, fields: ids.map((id) => Buffer.from(id, 'utf8')) }];
  const both = [sides.active, sides.candidate].map((side) =>
    store.load(statusTaskOf(side, partition), reads),
  );
  const loaded = await Promise.all(both);
  const isRetired = (value: Buffer | null | undefined): boolean =>
    value != null && contribution.decode(value).retiredFrom !== null;
  return ids.filter((_, index) => !loaded.some(([values]) => isRetired(values?.[index])));
}

/** The tally of one partition. */
export interface Tally {
  readonly partition: number;
  positions: Positions;
  deliveries: number;
  messages: number;
  readonly digests: Record<SideName, bigint>;
  readonly differingDeliveries: Set<DeliveryId>;
  differingMessages: number;
  comparable: boolean;
}
