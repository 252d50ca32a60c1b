import type { Clock } from '../base/clock';
import { DeliveryId } from '../base/ids';
import { HOUR_MS } from '../base/time';
import { RETIRED_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import type { OutgoingRecord } from '../log/sink';
import type { LogRecord, Positions } from '../log/source';
import type { Projected, TaskOwnership } from '../pipeline';
import { CONTRIBUTIONS_HASH, EVICTING_HASH, TIMER_INDEX_HASH } from '../store/hashes';
import { readStored } from '../store/damage';
import { inPortions } from '../store/pages';
import type { Store, TaskAddress, Write } from '../store/store';
import { flagWrite, writing } from './effects';
import { readFlags, RETIRED_READ } from './flags';
import { type Page, resumableScan } from './resumable-scan';
import type { StatusMemory } from './status';
import { contributionOf } from './status-state';
import { contributionRecord, type StatusRules } from './status-records';

/*
 * How a delivery is retired: by each status task for its own partition, alone, because a message belongs to one partition.
 *
 *   decide    no feedback on it for the retention, and none between two scans. The task has folded all that its inputs held.
 *   publish   its last contribution and the task's positions, in a record of the retired deliveries. The task's transactional
 *             sink sends it: no former owner can.
 *   adopt     the task reads that topic to its end and stores what it finds: feedback at or beyond these positions is late
 *             (late-records.ts), feedback below them is counted by the contribution. The messages are evicted
 *             (eviction.ts); the contribution stays.
 *
 * Only what is in the topic is ever adopted, and a claim adopts before it does anything else. So an owner, its successor, a
 * store that came back older, a rebuild and a cut-over decide alike about every record, for good: by its offset.
 */

/** How often all deliveries are scanned. */
export const RETENTION_SCAN_MS = HOUR_MS;
/** They are scanned a page at a time. */
export const RETENTION_SCAN_BUDGET = { pages: 1, entries: Infinity };
/** Deliveries that one commit retires at most. */
const RETIRED_PER_COMMIT = 200;

export interface AdoptionDeps {
  readonly address: TaskAddress;
  readonly rules: StatusRules;
  readonly memory: StatusMemory;
  readonly store: Pick<Store, 'load' | 'scan'>;
  /** Every record of this partition of the retired deliveries from an offset on. */
  readRetired(onRecord: (record: LogRecord) => void, from: number): Promise<void>;
  /** Receives the records of that topic that the service has not written. */
  onStranger(record: LogRecord): void;
  /** Dead-letters the feedback on these deliveries that the task has folded at or beyond the offsets from which it is late. */
  rejectFolded(retired: ReadonlyMap<DeliveryId, RetiredFrom>, positions: Positions): Promise<void>;
}

/** By an input topic's index: the offset from which on feedback on a delivery is late. */
export type RetiredFrom = NonNullable<Contribution['retiredFrom']>;

export interface RetentionDeps extends AdoptionDeps {
  readonly clock: Clock;
  readonly retentionMs: number;
  /** Whether expiries are inferred: a delivery with deadlines that have not passed is not retired then. */
  readonly expires: boolean;
  /** Resolves once the records are acknowledged, by a sink that a newer owner's fences. */
  publish(records: readonly OutgoingRecord[]): Promise<void>;
}

/** The effects of what the topic of retired deliveries holds and the task, at these positions, has not adopted. */
export async function* adoptRetired(deps: AdoptionDeps, positions: Positions): AsyncGenerator<Projected> {
  const { address, rules, memory, store } = deps;
  const [adopted] = await readFlags(store, address, RETIRED_READ);
  const shares = new Map<DeliveryId, Contribution>();
  let end = adopted ?? 0;
  await deps.readRetired((record) => {
    end = record.offset + 1;
    const share = retiredShareIn(rules.contribution, record);
    if (share === null) deps.onStranger(record);
    else shares.set(DeliveryId(share.deliveryId), share);
  }, end);
  for (const portion of inPortions([...shares], RETIRED_PER_COMMIT)) {
    const folded = await foldedBeyond(deps, portion);
    if (folded.size > 0) await deps.rejectFolded(folded, positions);
    yield adoption(rules, portion, memory.suppressed);
    for (const [id] of portion) {
      memory.contributions.drop(id);
      memory.open.drop(id);
      memory.messages.drop(id);
      memory.timerIndex.delete(id);
      memory.evicting.add(id);
    }
  }
  if (end > (adopted ?? 0)) yield writing([flagWrite(RETIRED_READ, end)]);
}

/**
 * The deliveries of which the state contains more than their last contribution: an owner that did not know of the retirement has
 * folded late feedback. It leaves the state with the adoption, so it must be set aside.
 */
async function foldedBeyond(
  { store, address, rules }: AdoptionDeps,
  shares: readonly (readonly [DeliveryId, Contribution])[],
): Promise<ReadonlyMap<DeliveryId, RetiredFrom>> {
  const fields = shares.map(([id]) => Buffer.from(id, 'utf8'));
  const [values = []] = await store.load(address, [{ hash: CONTRIBUTIONS_HASH, fields }]);
  const beyond = shares.filter(([id, share], index) => {
    const own = contributionOf(rules, id, values[index] ?? null);
    return own.retiredFrom === null && own.revision > share.revision;
  });
  return new Map(beyond.map(([id, { retiredFrom }]) => [id, retiredFrom ?? {}]));
}

/** What a record of the retired deliveries says of one; null where the service has not written it. */
function retiredShareIn(
  contribution: WireType<Contribution>,
  { value }: LogRecord,
): (Contribution & { readonly deliveryId: string }) | null {
  const share = value === null ? null : contribution.read(value);
  if (share === null || share.deliveryId === null || share.retiredFrom === null) return null;
  return { ...share, deliveryId: share.deliveryId };
}

function adoption(
  rules: StatusRules,
  shares: readonly (readonly [DeliveryId, Contribution])[],
  suppressed: boolean,
): Projected {
  const { stateId, partition } = rules;
  const entries = shares.map(
    ([id, share]) =>
      [
        Buffer.from(id, 'utf8'),
        rules.contribution.encode({ ...share, generation: stateId, partition }),
      ] as const,
  );
  const writes: Write[] = [
    { hash: CONTRIBUTIONS_HASH, entries },
    { hash: TIMER_INDEX_HASH, entries: entries.map(([field]) => [field, null] as const) },
    { hash: EVICTING_HASH, entries: entries.map(([field]) => [field, Buffer.alloc(0)] as const) },
  ];
  const outgoing = suppressed ? [] : entries.map(([field, value]) => contributionRecord(rules, field, value));
  return { writes, outgoing };
}

/** Retires deliveries, once an hour, a page after each commit of a task that has caught up. */
export function retirements(
  deps: RetentionDeps,
): (ownership: Pick<TaskOwnership, 'positions'>) => AsyncGenerator<Projected> {
  const { rules, clock } = deps;
  let nextScan = clock.now() + RETENTION_SCAN_MS;
  /** Revisions of the deliveries that the last scan found past the retention. */
  let previouslyOld: ReadonlyMap<string, number> = new Map();
  let at: Positions = [];

  const scan = resumableScan<Map<string, number>>(deps, RETENTION_SCAN_BUDGET, {
    async begin(now) {
      if (now < nextScan) return null;
      nextScan = now + RETENTION_SCAN_MS;
      return { subject: new Map(), hashes: [CONTRIBUTIONS_HASH] };
    },
    async *page(old, { entries }, now) {
      const due = pastRetention(deps, entries, now);
      for (const { deliveryId, revision } of due) old.set(deliveryId ?? '', revision);
      const unchanged = due.filter(
        ({ deliveryId, revision }) => previouslyOld.get(deliveryId ?? '') === revision,
      );
      for (const portion of inPortions(unchanged, RETIRED_PER_COMMIT)) {
        await deps.publish(portion.map((share) => retirementRecord(rules, share, at)));
        yield* adoptRetired(deps, at);
      }
    },
    end(old) {
      previouslyOld = old;
      return [];
    },
  });
  return async function* ({ positions }) {
    at = positions;
    yield* scan();
  };
}

/** The deliveries of a page without feedback for the retention, which no expiry can reach any more. */
function pastRetention(
  { address, rules, memory, retentionMs, expires }: RetentionDeps,
  entries: Page['entries'],
  now: number,
): Contribution[] {
  return entries
    .map(([, value]) =>
      readStored(address, CONTRIBUTIONS_HASH, value, (bytes) => rules.contribution.read(bytes)),
    )
    .filter(({ deliveryId, asOf, retiredFrom }) => {
      const hasDeadline = expires && memory.timerIndex.has(DeliveryId(deliveryId ?? ''));
      return retiredFrom === null && asOf + retentionMs < now && !hasDeadline;
    });
}

/** The record by which a delivery is retired in a partition, from these positions on. */
export function retirementRecord(
  { partition, contribution }: Pick<StatusRules, 'partition' | 'contribution'>,
  share: Contribution,
  positions: Positions,
): OutgoingRecord {
  return {
    topic: RETIRED_TOPIC,
    partition,
    key: Buffer.from(share.deliveryId ?? '', 'utf8'),
    value: contribution.encode({ ...share, retiredFrom: Object.fromEntries(positions.entries()) }),
  };
}
