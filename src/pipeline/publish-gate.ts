import type { Committed, LogRecord } from '../log/source';
import type { Projected, TaskOwnership } from '../pipeline';
import { PUBLISHED_HASH, SUMS_HASH } from '../store/hashes';
import { inPortions, pagesOf } from '../store/pages';
import type { Claim, Manifest, Store, TaskAddress } from '../store/store';
import { flagWrite, writing } from './effects';
import { ANY_POSITION, barrierArrived, LIVE_AS, readFlags } from './flags';
import {
  checkpointIn,
  hasPredecessor,
  isLive,
  type PublishCheckpoint,
  type Standing,
  standingOf,
} from './publishing';

/*
 * When KPIs may be published (publishing.ts). A suppressed kpi task updates its sums and publishes nothing. It resumes once
 * every status partition has sent its barrier (all feedback that the predecessor had seen is folded) and the task has
 * reached the position of its publish checkpoint. Then each delivery is compared once with what was last published. So no
 * published KPI ever returns to an older value and rises again.
 *
 * A barrier belongs to a cut-over: it carries the generation number that the new state publishes under.
 */

/**
 * Thrown where another state has published what this one lacks. Records of a later generation number: the store is older than a
 * cut-over, and readers would ignore anything this generation publishes. Or records beyond a barrier of this one: the store has
 * shown its predecessor again, which went on after this generation had caught up with it.
 */
export class SupersededGenerationError extends Error {
  override readonly name = 'SupersededGenerationError';
}

export interface PublishGate {
  suppressed(): boolean;
  /**
   * The checkpoint found at a claim, and whether the claimed outbox is void: more was published than the state contains, or the
   * task is not live. Its records were acknowledged long ago, or are older than what was published since. What they left out is
   * found when publishing resumes.
   */
  outboxAt(claim: Claim): Promise<{ readonly isVoid: boolean; readonly committed: Committed | null }>;
  onClaim(ownership: TaskOwnership, claim: Claim): AsyncGenerator<Projected>;
  afterCommit(ownership: TaskOwnership): AsyncGenerator<Projected>;
}

/** The dependencies of a kpi task's gate. */
export interface GateDeps {
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  readonly store: Pick<Store, 'load' | 'scan'>;
  /** The checkpoint of the last published record, as committed to the log; null without one. */
  checkpoint(): Promise<Committed | null>;
  /** Every record of this partition of the KPI topic, in order. */
  readPublished(onRecord: (record: LogRecord) => void): Promise<void>;
  /** The generation number that a published record carries; null where the service has not written it. */
  generationOf(published: Buffer): number | null;
  /** Receives the records of the KPI topic that the service has not written. */
  onStranger(record: LogRecord): void;
  /** The effects of comparing these deliveries with what was last published. */
  recheck(deliveries: readonly string[]): Promise<Projected>;
}

/** What a kpi task finds at its claim. */
interface Found {
  readonly live: boolean;
  readonly standing: Standing;
  readonly committed: Committed | null;
}

/**
 * The gate of a kpi task. `onClaim` reads back what was published while publishing is suppressed: records that the state
 * has as published may never have left an outbox that a cut-over or a rollback has made void. `afterCommit` checks whether a
 * suppressed task may resume. Both throw `SupersededGenerationError`.
 */
export function publishGate(deps: GateDeps): PublishGate {
  const { manifest, address, store } = deps;
  let suppressed = true;
  let until = 0;
  let found: Promise<Found> | null = null;

  const find = async (claim: Claim): Promise<Found> => {
    const [committed, [liveAs]] = await Promise.all([deps.checkpoint(), readFlags(store, address, LIVE_AS)]);
    return {
      live: isLive(manifest, liveAs),
      standing: standingOf(manifest, claim, checkpointIn(committed)),
      committed,
    };
  };
  /** Made once per claim: `outboxAt` and `onClaim` call it concurrently. */
  const compare = (claim: Claim): Promise<Found> => (found ??= find(claim));

  async function* afterCommit({ positions }: Pick<TaskOwnership, 'positions'>): AsyncGenerator<Projected> {
    if (!suppressed || (positions[0] ?? 0) < until) return;
    const barriers = await arrivedBarriers(deps);
    if (barriers === null) return;
    refusePassed(deps, barriers, checkpointIn((await found)?.committed ?? null));
    suppressed = false;
    for await (const page of pagesOf(store, address, SUMS_HASH))
      yield await deps.recheck(page.map(([field]) => field.toString('utf8')));
    yield writing([flagWrite(LIVE_AS, manifest.generation)]);
  }

  return {
    suppressed: () => suppressed,
    outboxAt: async (claim) => {
      const { standing, live, committed } = await compare(claim);
      return { isVoid: !live || standing !== 'level', committed };
    },
    afterCommit,
    async *onClaim(ownership, claim) {
      const { live, standing, committed } = await compare(claim);
      suppressed = !live || standing !== 'level';
      // Below this position nothing is published while it is suppressed.
      until = committed?.offset ?? 0;
      if (!suppressed) return;
      if (live) yield writing([flagWrite(LIVE_AS, 0)]);
      // A former owner's last record may have arrived after the state was created. From here on none can.
      const last = await lastPublished(deps);
      refuseSuperseded(deps, last);
      yield* readBack(deps, last);
      yield* afterCommit(ownership);
    },
  };
}

/**
 * The positions behind the barriers of all status partitions for this generation number; null where one has not arrived. The
 * first generation needs none.
 */
async function arrivedBarriers({ store, address, manifest }: GateDeps): Promise<readonly number[] | null> {
  const { partitions, generation } = manifest;
  if (!hasPredecessor(manifest)) return [];
  const flags = Array.from({ length: partitions }, (_, partition) => barrierArrived(partition, generation));
  const arrived = (await readFlags(store, address, ...flags)).flatMap((position) => position ?? []);
  return arrived.length === partitions ? arrived : null;
}

function refuseSuperseded(
  { manifest: { stateId, generation }, generationOf }: Pick<GateDeps, 'manifest' | 'generationOf'>,
  last: ReadonlyMap<string, Buffer>,
): void {
  for (const value of last.values())
    if ((generationOf(value) ?? 0) > generation)
      throw new SupersededGenerationError(
        `state ${stateId} was superseded by a cut-over: later generation numbers have been published`,
      );
}

/** Refuses a checkpoint of another state beyond a barrier: its tasks are sealed before the first barrier is emitted. */
function refusePassed(
  { manifest: { stateId } }: Pick<GateDeps, 'manifest'>,
  barriers: readonly number[],
  checkpoint: PublishCheckpoint | null,
): void {
  if (checkpoint === null || checkpoint.stateId === stateId) return;
  const [position = 0] = checkpoint.positions;
  if (barriers.some((barrier) => barrier !== ANY_POSITION && barrier < position))
    throw new SupersededGenerationError(
      `state ${stateId} was superseded: state ${checkpoint.stateId} has gone on beyond its barriers`,
    );
}

/** The last record of each delivery in a partition of the KPI topic. Records of strangers are passed over. */
async function lastPublished({
  readPublished,
  generationOf,
  onStranger,
}: Pick<GateDeps, 'readPublished' | 'generationOf' | 'onStranger'>): Promise<ReadonlyMap<string, Buffer>> {
  const last = new Map<string, Buffer>();
  await readPublished((record) => {
    const { key, value } = record;
    if (value === null) return;
    if (key === null || generationOf(value) === null) onStranger(record);
    else last.set(key.toString('utf8'), Buffer.from(value));
  });
  return last;
}

const PAGE = 500;

/** Stores what was published last, as the log has it; also that there was nothing of what only the state has. */
async function* readBack(
  { store, address }: Pick<GateDeps, 'store' | 'address'>,
  last: ReadonlyMap<string, Buffer>,
): AsyncGenerator<Projected> {
  for (const portion of inPortions([...last], PAGE)) {
    const entries = portion.map(([deliveryId, value]) => [Buffer.from(deliveryId, 'utf8'), value] as const);
    yield writing([{ hash: PUBLISHED_HASH, entries }]);
  }
  for await (const page of pagesOf(store, address, PUBLISHED_HASH)) {
    const unknown = page.filter(([field]) => !last.has(field.toString('utf8')));
    if (unknown.length === 0) continue;
    yield writing([{ hash: PUBLISHED_HASH, entries: unknown.map(([field]) => [field, null] as const) }]);
  }
}
