import type { Clock } from '../base/clock';
import { inPortions } from '../base/portions';
import type { Millis } from '../feedback/feedback';
import { partitionOf } from '../log/partitioner';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { TaskOwnership } from '../pipeline';
import {
  FLAGS_HASH,
  numberField,
  PUBLISHED_HASH,
  RETIRED_HASH,
  sharesHash,
  SUMS_HASH,
} from '../store/hashes';
import { decodeRetirement, encodeRetirement, type Retirement } from '../store/retired';
import type { Store, TaskAddress, Write } from '../store/store';

/*
 * How a delivery leaves Redis. Its kpi task alone decides, because it alone knows the last feedback of all partitions:
 *
 *   announced   nothing new for the retention, and nothing at all between two walks: the delivery is on the list of the
 *               retired. A marker in the contributions topic says so for good. From now on feedback on it is late.
 *   removed     every status task has folded all there was at a time well after the announcement, so whatever it had
 *               folded without knowing of it has arrived: sums, shares and the published record are deleted.
 *
 * What status tasks hold of it they delete by themselves (forgetting.ts). The list and the marker stay: without them
 * late feedback would begin the delivery anew.
 */

/** What a kpi task does to deliveries of its own accord. */
export type RetentionCommand =
  | { readonly retire: string; readonly as: Retirement }
  /** `partitions`: how many there are, each of which may have a share. */
  | { readonly remove: string; readonly partitions: number };

/** Flag of a status task: it has folded all that the log held at this time. */
export const FOLDED_UNTIL_FIELD = Buffer.from('folded');

/** How often deliveries are walked through. */
export const WALK_MS = 3_600_000;
/**
 * How long after an announcement feedback may have been folded by someone who did not know of it: clocks of workers may
 * differ, and status tasks believe for a while what they have read (late.ts).
 */
const SETTLING_MS = 2 * 3_600_000;
/** Fields that one commit deletes at most, about. */
const FIELDS_AT_ONCE = 1_000;
const ANNOUNCED_AT_ONCE = 200;

export interface RetentionDeps {
  readonly address: TaskAddress;
  readonly partitions: number;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** Where this task's contributions end in the log. */
  contributionsEnd(): Promise<number>;
}

/** One walk through all deliveries of a task. */
interface Walk {
  /** All that the log held of feedback at this time is folded, in every partition. */
  readonly foldedUntil: Millis;
  /** Position from which on the sums hold what came of it. */
  readonly from: number;
  cursor: string;
  /** Revisions of deliveries that are old enough. */
  readonly old: Map<string, number>;
}

/** Walks through the deliveries once an hour, a page after each commit of a task that has caught up. */
export function retentionCommands(
  deps: RetentionDeps,
): (ownership: TaskOwnership) => AsyncGenerator<readonly RetentionCommand[]> {
  let nextWalk = deps.clock.now() + WALK_MS;
  let walk: Walk | null = null;
  /** What the last walk found old. */
  let suspects: ReadonlyMap<string, number> = new Map();

  return async function* ({ positions: [position = 0] }) {
    if (walk === null) {
      const now = deps.clock.now();
      if (now < nextWalk) return;
      nextWalk = now + WALK_MS;
      const foldedUntil = await foldedUntilOf(deps);
      if (foldedUntil === null) return;
      walk = { foldedUntil, from: await deps.contributionsEnd(), cursor: '0', old: new Map() };
    }
    if (position < walk.from) return;
    const page = await nextPage(deps, walk);
    yield* inPortions(retiring(deps, walk, suspects, page), ANNOUNCED_AT_ONCE);
    yield* inPortions(removing(deps, walk, page), Math.ceil(FIELDS_AT_ONCE / (deps.partitions + 2)));
    if (walk.cursor !== '0') return;
    suspects = walk.old;
    walk = null;
  };
}

/** The least of what the status tasks have folded; null where one has not said yet. */
async function foldedUntilOf({ address, partitions, store }: RetentionDeps): Promise<Millis | null> {
  const said = await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const task: TaskAddress = { stateId: address.stateId, pipeline: 'status', partition };
      const [flags] = await store.load(task, [{ hash: FLAGS_HASH, fields: [FOLDED_UNTIL_FIELD] }]);
      return flags?.[0] ?? null;
    }),
  );
  return said.some((flag) => flag === null) ? null : Math.min(...said.map(Number));
}

interface Found {
  readonly id: string;
  readonly sum: Contribution;
  readonly retiredAt: Millis | null;
}

async function nextPage(deps: RetentionDeps, walk: Walk): Promise<Found[]> {
  const { cursor, entries } = await deps.store.scan(deps.address, SUMS_HASH, walk.cursor);
  const ids = entries.map(([field]) => field);
  const [retired = []] = await deps.store.load(deps.address, [{ hash: RETIRED_HASH, fields: ids }]);
  walk.cursor = cursor;
  return entries.map(([field, value], index) => ({
    id: field.toString('utf8'),
    sum: deps.contribution.decode(value),
    retiredAt: retired[index] == null ? null : decodeRetirement(retired[index]).at,
  }));
}

/** Deliveries to announce: old, and not one record more than at the last walk. Notes which are old. */
function retiring(
  { retentionMs, clock }: RetentionDeps,
  { foldedUntil, old }: Walk,
  suspects: ReadonlyMap<string, number>,
  page: readonly Found[],
): RetentionCommand[] {
  const due = page.filter(({ sum, retiredAt }) => retiredAt === null && sum.asOf + retentionMs < foldedUntil);
  for (const { id, sum } of due) old.set(id, sum.revision);
  const as: Retirement = { at: clock.now(), asOf: foldedUntil };
  return due.filter(({ id, sum }) => suspects.get(id) === sum.revision).map(({ id }) => ({ retire: id, as }));
}

/** Deliveries that were announced long enough ago. */
function removing(
  { partitions }: RetentionDeps,
  { foldedUntil }: Walk,
  page: readonly Found[],
): RetentionCommand[] {
  return page
    .filter(({ retiredAt }) => retiredAt !== null && retiredAt + SETTLING_MS < foldedUntil)
    .map(({ id }) => ({ remove: id, partitions }));
}

const MARKER = '/retired';

/** The record that tells every later generation that a delivery is retired. No partition's share has such a key. */
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
    value: rules.contribution.encode({
      ...emptySum(deliveryId, stateId),
      ...{ partition, asOf, retiredAt: at },
    }),
  };
}

/** What a marker says; null for any other contribution. */
export const retirementIn = ({ retiredAt, asOf }: Contribution): Retirement | null =>
  retiredAt === null ? null : { at: retiredAt, asOf };

/** The delivery that a marker's key names; null for any other key. */
export function retiredDelivery(key: Buffer | null): string | null {
  const text = key?.toString('utf8') ?? '';
  return text.endsWith(MARKER) ? text.slice(0, -MARKER.length) : null;
}

/** Whether a record of a kpi task's outbox is such a marker. */
export const isMarker = ({ topic }: OutgoingRecord): boolean => topic === CONTRIBUTIONS_TOPIC;

/** What deletes all that a kpi task holds of a delivery, but that it is retired. */
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

/** What lets a kpi task know that these deliveries are retired. */
export function retiredWrites(retired: ReadonlyMap<string, Retirement>): readonly Write[] {
  if (retired.size === 0) return [];
  const entries = [...retired].map(
    ([deliveryId, as]) => [Buffer.from(deliveryId, 'utf8'), encodeRetirement(as)] as const,
  );
  return [{ hash: RETIRED_HASH, entries }];
}

/** Those of some deliveries that are retired, as their kpi tasks say. */
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
    Array.from(byTask, async ([partition, asked]) => {
      const task: TaskAddress = { stateId, pipeline: 'kpi', partition };
      const fields = asked.map(({ field }) => field);
      const [found = []] = await store.load(task, [{ hash: RETIRED_HASH, fields }]);
      asked.forEach(({ id }, index) => {
        const as = found[index];
        if (as != null) retired.set(id, decodeRetirement(as));
      });
    }),
  );
  return retired;
}
