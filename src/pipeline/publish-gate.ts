import type { Committed, LogRecord, Positions } from '../log/source';
import type { Contribution } from '../kpi/encode';
import type { TaskOwnership } from '../pipeline';
import { FLAGS_HASH, PUBLISHED_HASH, SUMS_HASH } from '../store/hashes';
import { inPortions, pagesOf } from '../store/pages';
import type { Claim, Manifest, Store, TaskAddress, Write } from '../store/store';
import { barrierArrived, flagEntry, readFlags, SEEN_CHECKPOINT, SUPPRESSED, SUPPRESSED_UNTIL } from './flags';
import { isOvertaken, checkpointKey } from './publish-checkpoint';
import type { RetentionCommand } from './retention';

/*
 * When KPIs may be published. Publishing is suppressed at first in a generation with a predecessor, and in a kpi task whose
 * state was rolled back behind what it had published: sums are updated, nothing is published. It resumes once every status
 * partition has sent its barrier (all feedback that the predecessor had seen is folded) and the task has reached the
 * position of its last published record. Then each delivery is compared once with what was last published. So no
 * published KPI ever returns to an older value and rises again.
 *
 * A barrier belongs to a cut-over: it carries the generation number that the new state publishes under.
 */

interface Gate {
  readonly suppressed: boolean;
  /** Position in the contributions below which nothing is published. */
  readonly until: number;
  readonly barriersMissing: number;
  /** The last checkpoint that the task has seen (`checkpointKey`); null without one. */
  readonly seen: string | null;
}

/** The gate as stored by a kpi task. */
async function gateOf({
  store,
  address,
  manifest,
}: Pick<GateDeps, 'store' | 'address' | 'manifest'>): Promise<Gate> {
  const { generation, hasPredecessor } = manifest;
  const statusTasks = Array.from(
    { length: hasPredecessor ? manifest.partitions : 0 },
    (_, partition) => partition,
  );
  const [suppressed, until, seen, ...barriers] = await readFlags(
    store,
    address,
    SUPPRESSED,
    SUPPRESSED_UNTIL,
    SEEN_CHECKPOINT,
    ...statusTasks.map((partition) => barrierArrived(partition, generation)),
  );
  return {
    suppressed: suppressed !== null,
    until: until ?? 0,
    barriersMissing: barriers.filter((barrier) => barrier === null).length,
    seen,
  };
}

/** Whether a suppressed task may resume publishing. */
function mayResume(gate: Gate, positions: Positions): boolean {
  return gate.barriersMissing === 0 && (positions[0] ?? 0) >= gate.until;
}

/** Whether a status task has folded everything up to its generation's catch-up offsets. */
export function hasCaughtUp(manifest: Manifest, partition: number, positions: Positions): boolean {
  return isPast(manifest.catchUpOffsets[partition] ?? [], positions);
}

/** Whether each position has reached its catch-up offset. */
export function isPast(catchUpOffsets: Positions, positions: Positions): boolean {
  return catchUpOffsets.every((target, topic) => (positions[topic] ?? 0) >= target);
}

/** The internal commands of a kpi task. They are folded and committed like the log's records. */
export type KpiCommand =
  /** Compare this delivery with what was last published. */
  | { readonly recheck: string }
  /** The record published last, as read from the log; null where there is none in it. */
  | { readonly published: Buffer | null; readonly deliveryId: string }
  /** The checkpoint as of which the published records have been read. */
  | { readonly seen: string }
  /** Publish nothing below this position. */
  | { readonly suppressUntil: number }
  | { readonly resume: true };

export type KpiInput = Contribution | KpiCommand | RetentionCommand;

/**
 * Thrown where records of a later generation number have been published: the store is older than a cut-over. Readers would
 * ignore anything this generation publishes.
 */
export class SupersededGenerationError extends Error {
  override readonly name = 'SupersededGenerationError';
}

export interface KpiCommands {
  suppressed(): boolean;
  /**
   * Whether more was published than the state contains: the store is stale. KPI records in its outbox are then outdated and
   * must not be emitted after newer ones: they were acknowledged long ago, or must never be.
   */
  overtaken(claim: Claim): Promise<boolean>;
  onClaim(ownership: TaskOwnership, claim: Claim): AsyncGenerator<readonly KpiInput[]>;
  afterCommit(ownership: TaskOwnership): AsyncGenerator<readonly KpiInput[]>;
}

/** The dependencies of a kpi task's commands. */
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
}

/** The claimed state compared with the log's checkpoint. */
interface Comparison {
  readonly checkpoint: Committed | null;
  readonly isStale: boolean;
}

/**
 * The commands of a kpi task, page by page. `atClaim` reads back what was published while publishing is suppressed: records
 * that the state has as published may never have left an outbox that a cut-over or a rollback has made void.
 * `afterCommit` checks whether a suppressed task may resume. Throws `SupersededGenerationError` at a claim.
 */
export function kpiCommands(deps: GateDeps): KpiCommands {
  let suppressed = true;
  let comparison: Promise<Comparison> | null = null;

  const loadGate = async (): Promise<Gate> => {
    const gate = await gateOf(deps);
    suppressed = gate.suppressed;
    return gate;
  };

  /** Made once per claim: `overtaken` and `atClaim` call it concurrently, and only the latter may suppress after it. */
  const compare = (claim: Claim): Promise<Comparison> =>
    (comparison ??= Promise.all([deps.checkpoint(), loadGate()]).then(([checkpoint, { seen }]) => ({
      checkpoint,
      isStale: isOvertaken(deps.manifest, claim, checkpoint, seen),
    })));

  async function* afterCommit(ownership: TaskOwnership): AsyncGenerator<readonly KpiInput[]> {
    if (!suppressed || !mayResume(await loadGate(), ownership.positions)) return;
    suppressed = false;
    for await (const page of pagesOf(deps.store, deps.address, SUMS_HASH))
      yield page.map(([field]) => ({ recheck: field.toString('utf8') }));
    yield [{ resume: true }];
  }

  return {
    suppressed: () => suppressed,
    overtaken: (claim) => compare(claim).then(({ isStale }) => isStale),
    afterCommit,
    async *onClaim(ownership, claim) {
      const { checkpoint, isStale } = await compare(claim);
      if (isStale) {
        suppressed = true;
        yield [{ suppressUntil: checkpoint?.offset ?? 0 }];
      }
      // A former owner's last record may have arrived after the state was created. From here on none can.
      if (suppressed) {
        const last = await lastPublished(deps.readPublished, deps);
        refuseSuperseded(deps, last);
        yield* publishedPages(last);
        yield* unpublishedPages(deps, last);
        if (checkpoint !== null) yield [{ seen: checkpointKey(checkpoint) }];
      }
      yield* afterCommit(ownership);
    },
  };
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

/** The last record of each delivery in a partition of the KPI topic. Records of strangers are passed over. */
export async function lastPublished(
  readPublished: GateDeps['readPublished'],
  { generationOf, onStranger }: Pick<GateDeps, 'generationOf' | 'onStranger'>,
): Promise<ReadonlyMap<string, Buffer>> {
  const last = new Map<string, Buffer>();
  await readPublished((record) => {
    const { key, value } = record;
    if (value === null) return;
    if (key === null || generationOf(value) === null) onStranger(record);
    else last.set(key.toString('utf8'), Buffer.from(value));
  });
  return last;
}

/** The initial writes of a kpi task with a predecessor: suppressed, with the predecessor's last records as published. */
export function suppressedStart(published: ReadonlyMap<string, Buffer>): readonly Write[] {
  const entries = [...published].map(
    ([deliveryId, value]) => [Buffer.from(deliveryId, 'utf8'), value] as const,
  );
  return [
    { hash: FLAGS_HASH, entries: [flagEntry(SUPPRESSED, true)] },
    ...(entries.length > 0 ? [{ hash: PUBLISHED_HASH, entries }] : []),
  ];
}

const PAGE = 500;

function* publishedPages(last: ReadonlyMap<string, Buffer>): Generator<readonly KpiCommand[]> {
  const commands = [...last].map(([deliveryId, published]) => ({ deliveryId, published }));
  yield* inPortions(commands, PAGE);
}

/** Deliveries that the state has as published, and the log has no record of. */
async function* unpublishedPages(
  { store, address }: Pick<GateDeps, 'store' | 'address'>,
  last: ReadonlyMap<string, Buffer>,
): AsyncGenerator<readonly KpiCommand[]> {
  for await (const page of pagesOf(store, address, PUBLISHED_HASH)) {
    const ids = page.map(([field]) => field.toString('utf8')).filter((id) => !last.has(id));
    if (ids.length > 0) yield ids.map((deliveryId) => ({ deliveryId, published: null }));
  }
}
