import type { Clock } from '../base/clock';
import { inPortions } from '../store/pages';
import { HOUR_MS } from '../base/time';
import type { Millis } from '../feedback/feedback';
import { partitionOf } from '../log/partitioner';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import { numberField, PUBLISHED_HASH, RETIRED_HASH, sharesHash, SUMS_HASH } from '../store/hashes';
import { decodeRetirement, encodeRetirement, type Retirement } from '../store/retired';
import type { Manifest, Store, TaskAddress, Write } from '../store/store';
import { FOLDED_UNTIL, readFlags } from './flags';
import { type Page, resumableScan } from './resumable-scan';

/*
 * How a delivery leaves Redis. Only its kpi task decides, because only that task knows the last feedback of all partitions:
 *
 *   retired     no new feedback for the retention, and no new record between two scans: the delivery is put on the list
 *               of retired deliveries, and a marker in the contributions topic keeps that permanently. From now on feedback
 *               on it is late.
 *   removed     every status task has folded all that the log held at a time well after the retirement, so whatever it had
 *               folded before it learned of the retirement has arrived: sums, shares and the published record are deleted.
 *
 * Status tasks evict their own state of the delivery (eviction.ts). The list and the marker stay: without them late
 * feedback would start the delivery from zero.
 */

/** The internal commands by which a kpi task retires and removes deliveries. */
export type RetentionCommand =
  | { readonly retire: string; readonly as: Retirement }
  /** `partitions`: their number; each may have a share. */
  | { readonly remove: string; readonly partitions: number };

/** How often all deliveries are scanned. */
export const RETENTION_SCAN_MS = HOUR_MS;
/** They are scanned a page at a time. */
export const RETENTION_SCAN_BUDGET = { pages: 1, entries: Infinity };
/**
 * How long after a retirement a status task may still have folded feedback without knowing of it: clocks of workers may
 * differ, and status tasks cache for a while what they have read (late-records.ts).
 */
const SETTLING_MS = 2 * HOUR_MS;
/** Fields that one commit deletes at most, approximately. */
const FIELDS_PER_COMMIT = 1_000;
const RETIRED_PER_COMMIT = 200;

export interface RetentionDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'partitions'>;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** End offset of this task's contributions in the log. */
  contributionsEnd(): Promise<number>;
}

/** One scan of all deliveries of a task. */
interface DeliveryScan {
  /** Every partition has folded all feedback that the log held at this time. */
  readonly foldedUntil: Millis;
  /** Position from which on the sums contain the result. */
  readonly from: number;
  /** Revisions of the deliveries past the retention. */
  readonly old: Map<string, number>;
}

/** Scans the deliveries once an hour, a page after each commit of a task that has caught up. */
export function retentionCommands(deps: RetentionDeps) {
  let nextScan = deps.clock.now() + RETENTION_SCAN_MS;
  let waiting: DeliveryScan | null = null;
  /** What the last scan found past the retention. */
  let previouslyOld: ReadonlyMap<string, number> = new Map();

  return resumableScan<DeliveryScan, RetentionCommand>(deps, RETENTION_SCAN_BUDGET, {
    async begin(now, [position = 0]) {
      if (waiting === null) {
        if (now < nextScan) return null;
        nextScan = now + RETENTION_SCAN_MS;
        const foldedUntil = await foldedUntilOf(deps);
        if (foldedUntil === null) return null;
        waiting = { foldedUntil, from: await deps.contributionsEnd(), old: new Map() };
      }
      if (position < waiting.from) return null;
      const subject = waiting;
      waiting = null;
      return { subject, hashes: [SUMS_HASH] };
    },
    async *page(scan, { entries }) {
      const { partitions } = deps.manifest;
      const deliveries = await deliveriesIn(deps, entries);
      yield* inPortions(dueRetirements(deps, scan, previouslyOld, deliveries), RETIRED_PER_COMMIT);
      yield* inPortions(
        dueRemovals(partitions, scan, deliveries),
        Math.ceil(FIELDS_PER_COMMIT / (partitions + 2)),
      );
    },
    end({ old }) {
      previouslyOld = old;
      return [];
    },
  });
}

/** The earliest time up to which all status tasks have folded; null where one has not published its time yet. */
async function foldedUntilOf({ address, manifest, store }: RetentionDeps): Promise<Millis | null> {
  const times = await Promise.all(
    Array.from({ length: manifest.partitions }, async (_, partition) => {
      const task: TaskAddress = { stateId: address.stateId, pipeline: 'status', partition };
      const [time] = await readFlags(store, task, FOLDED_UNTIL);
      return time;
    }),
  );
  return times.every((time) => time !== null) ? Math.min(...times) : null;
}

interface ScannedDelivery {
  readonly id: string;
  readonly sum: Contribution;
  readonly retiredAt: Millis | null;
}

async function deliveriesIn(deps: RetentionDeps, entries: Page['entries']): Promise<ScannedDelivery[]> {
  const fields = entries.map(([field]) => field);
  const [retired = []] = await deps.store.load(deps.address, [{ hash: RETIRED_HASH, fields }]);
  return entries.map(([field, value], index) => ({
    id: field.toString('utf8'),
    sum: deps.contribution.decode(value),
    retiredAt: retired[index] == null ? null : decodeRetirement(retired[index]).at,
  }));
}

/** Deliveries to retire: past the retention, with no record since the last scan. Adds those past the retention to `old`. */
function dueRetirements(
  { retentionMs, clock }: RetentionDeps,
  { foldedUntil, old }: DeliveryScan,
  previouslyOld: ReadonlyMap<string, number>,
  page: readonly ScannedDelivery[],
): RetentionCommand[] {
  const due = page.filter(({ sum, retiredAt }) => retiredAt === null && sum.asOf + retentionMs < foldedUntil);
  for (const { id, sum } of due) old.set(id, sum.revision);
  const as: Retirement = { at: clock.now(), asOf: foldedUntil };
  return due
    .filter(({ id, sum }) => previouslyOld.get(id) === sum.revision)
    .map(({ id }) => ({ retire: id, as }));
}

/** Deliveries that were retired long enough ago to be removed. */
function dueRemovals(
  partitions: number,
  { foldedUntil }: DeliveryScan,
  page: readonly ScannedDelivery[],
): RetentionCommand[] {
  return page
    .filter(({ retiredAt }) => retiredAt !== null && retiredAt + SETTLING_MS < foldedUntil)
    .map(({ id }) => ({ remove: id, partitions }));
}

const MARKER = '/retired';

/** The record by which later generations know that a delivery is retired. No partition's share has a key of this form. */
export function retirementMarker(
  deliveryId: string,
  { at, asOf }: Retirement,
  rules: {
    readonly stateId: number;
    readonly partition: number;
    readonly contribution: WireType<Contribution>;
  },
): OutgoingRecord {
  const { stateId, partition } = rules;
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition,
    key: Buffer.from(deliveryId + MARKER, 'utf8'),
    value: rules.contribution.encode({ ...emptySum(deliveryId, stateId), partition, asOf, retiredAt: at }),
  };
}

/** The retirement that a marker carries; null for any other contribution. */
export const retirementIn = ({ retiredAt, asOf }: Contribution): Retirement | null =>
  retiredAt === null ? null : { at: retiredAt, asOf };

/** The delivery that a marker's key names; null for any other key. */
export function retiredDelivery(key: Buffer | null): string | null {
  const text = key?.toString('utf8') ?? '';
  return text.endsWith(MARKER) ? text.slice(0, -MARKER.length) : null;
}

/** Whether a record of a kpi task's outbox is a retirement marker. */
export const isRetirementMarker = ({ topic }: OutgoingRecord): boolean => topic === CONTRIBUTIONS_TOPIC;

/** The writes that delete a kpi task's state of a delivery, except that it is retired. */
export function removalOf(deliveryId: string, partitions: number): readonly Write[] {
  const gone = [[Buffer.from(deliveryId, 'utf8'), null]] as const;
  const shares = Array.from(
    { length: partitions },
    (_, partition) => [numberField(partition), null] as const,
  );
  return [
    { hash: sharesHash(deliveryId), entries: shares },
    { hash: SUMS_HASH, entries: gone },
    { hash: PUBLISHED_HASH, entries: gone },
  ];
}

/** The writes that put these deliveries on a kpi task's list of retired ones. */
export function retiredWrites(retired: ReadonlyMap<string, Retirement>): readonly Write[] {
  if (retired.size === 0) return [];
  const entries = [...retired].map(
    ([deliveryId, as]) => [Buffer.from(deliveryId, 'utf8'), encodeRetirement(as)] as const,
  );
  return [{ hash: RETIRED_HASH, entries }];
}

/** The retired ones among these deliveries, as listed by their kpi tasks. */
export async function retiredAmong<Id extends string>(
  store: Pick<Store, 'load'>,
  { stateId, partitions }: { readonly stateId: number; readonly partitions: number },
  deliveries: Iterable<Id>,
): Promise<ReadonlyMap<Id, Retirement>> {
  const byTask = new Map<number, { id: Id; field: Buffer }[]>();
  for (const id of deliveries) {
    const field = Buffer.from(id, 'utf8');
    const partition = partitionOf(field, partitions);
    const others = byTask.get(partition) ?? [];
    byTask.set(partition, others);
    others.push({ id, field });
  }
  const retired = new Map<Id, Retirement>();
  await Promise.all(
    Array.from(byTask, async ([partition, requested]) => {
      const task: TaskAddress = { stateId, pipeline: 'kpi', partition };
      const fields = requested.map(({ field }) => field);
      const [found = []] = await store.load(task, [{ hash: RETIRED_HASH, fields }]);
      requested.forEach(({ id }, index) => {
        const as = found[index];
        if (as != null) retired.set(id, decodeRetirement(as));
      });
    }),
  );
  return retired;
}
