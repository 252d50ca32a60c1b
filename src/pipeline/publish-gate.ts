import { inPortions } from '../base/portions';
import type { Committed, LogRecord, Positions } from '../log/source';
import type { Contribution } from '../kpi/encode';
import type { TaskOwnership } from '../pipeline';
import { FLAGS_HASH, PUBLISHED_HASH, SUMS_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Claim, Manifest, Read, Store, TaskAddress, Write } from '../store/store';
import type { RetentionCommand } from './retention';
import { isOvertaken, checkpointKey } from './publish-checkpoint';

/*
 * When KPIs may be published. A generation that succeeds an earlier life begins muted, and so does a kpi task whose
 * state was rolled back behind what it had published: sums move, nothing leaves. It is unmuted once every status
 * partition has sent its barrier (all feedback that the earlier life had seen is folded) and the task stands where its
 * last published record was made. Then each delivery is compared once with what was last published. So no KPI ever
 * falls back to an earlier truth and climbs again.
 *
 * A barrier belongs to a cut-over: it carries the number that the generation publishes under.
 *
 * Flags in the store: `muted` while nothing may leave, `until` the position to reach, `b<p>.<number>` a barrier that has
 * come, `cut` the last cut-over for which the task was muted, `seen` the witness as it was when the task learned from the log
 * what was published; `sent` (status pipeline) the last own barrier that has left.
 */
export const SUPPRESSED_FIELD = Buffer.from('muted');
export const UNTIL_FIELD = Buffer.from('until');
export const SENT_FIELD = Buffer.from('sent');
export const CUT_FIELD = Buffer.from('cut');
export const CHECKPOINT_FIELD = Buffer.from('seen');

export function barrierField(partition: number, number: number): Buffer {
  return Buffer.from(`b${partition}.${number}`, 'latin1');
}

export interface Gate {
  readonly suppressed: boolean;
  /** Position in the contributions below which nothing is published. */
  readonly until: number;
  readonly barriersMissing: number;
  /** The witness that the task has seen last (`seenAs`); null where it has seen none. */
  readonly seen: string | null;
}

/** What to load to know the gate, and the gate it comes to. */
export function gateReads(manifest: Manifest): readonly Read[] {
  const barriers = manifest.hasPredecessor
    ? Array.from({ length: manifest.partitions }, (_, p) => barrierField(p, manifest.generation))
    : [];
  return [{ hash: FLAGS_HASH, fields: [SUPPRESSED_FIELD, UNTIL_FIELD, CHECKPOINT_FIELD, ...barriers] }];
}

export function gateOf([flags]: readonly (readonly (Buffer | null)[])[]): Gate {
  const [suppressed, until, seen, ...barriers] = flags ?? [];
  return {
    suppressed: suppressed !== null && suppressed !== undefined,
    until: Number(until?.toString('latin1') ?? 0),
    barriersMissing: barriers.filter((barrier) => barrier === null).length,
    seen: seen?.toString('latin1') ?? null,
  };
}

/** Whether a muted task may speak again. */
export function mayResume(gate: Gate, positions: Positions): boolean {
  return gate.barriersMissing === 0 && (positions[0] ?? 0) >= gate.until;
}

/** Whether a status task has folded everything that was there when its generation began. */
export function hasCaughtUp(manifest: Manifest, partition: number, positions: Positions): boolean {
  return isPast(manifest.catchUpOffsets[partition] ?? [], positions);
}

/** Whether each position has reached its target. */
export function isPast(catchUpOffsets: Positions, positions: Positions): boolean {
  return catchUpOffsets.every((target, topic) => (positions[topic] ?? 0) >= target);
}

/** What a kpi task owes beside the log's records. They are folded and committed like any other input. */
export type KpiCommand =
  /** Compare this delivery with what was last published. */
  | { readonly recheck: string }
  /** What was published last, as the log has it; null where nothing was. */
  | { readonly published: Buffer | null; readonly deliveryId: string }
  /** The witness by which what was published has been learned. */
  | { readonly seen: string }
  /** Publish nothing below this position. */
  | { readonly suppressUntil: number }
  | { readonly resume: true };

export type KpiInput = Contribution | KpiCommand | RetentionCommand;

/**
 * Thrown where records of a later number have been published: the store is older than a cut-over. What this generation
 * would publish, readers would pass by.
 */
export class SupersededGenerationError extends Error {
  override readonly name = 'Outnumbered';
}

export interface KpiCommands {
  suppressed(): boolean;
  /**
   * Whether more was published than the state knows of: the store came back older than it was. KPI records in its outbox
   * are then of the past, and must not be emitted behind what came after: they were acknowledged long ago, or never are to
   * be.
   */
  overtaken(claim: Claim): Promise<boolean>;
  atClaim(ownership: TaskOwnership, claim: Claim): AsyncGenerator<readonly KpiInput[]>;
  afterCommit(ownership: TaskOwnership): AsyncGenerator<readonly KpiInput[]>;
}

/** What the duties of a kpi task need. */
export interface GateDeps {
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  readonly store: Pick<Store, 'load' | 'scan'>;
  /** What the log itself witnesses of the last published record; null where there is none. */
  checkpoint(): Promise<Committed | null>;
  /** Every record of this partition of the KPI topic, in order. */
  readPublished(onRecord: (record: LogRecord) => void): Promise<void>;
  /** The number that a published record carries. */
  numberOf(published: Buffer): number;
}

/** The state as it was claimed, beside what the log tells. */
interface Comparison {
  readonly checkpoint: Committed | null;
  readonly isOlder: boolean;
}

/**
 * The duties of a kpi task, page by page. `atClaim` remembers what was published while the task is muted: what the state
 * has for published may have stayed in an outbox that a cut-over or a rollback has made void.
 * `afterCommit` looks whether a muted task may speak again. Throws `Outnumbered` at a claim.
 */
export function kpiCommands(deps: GateDeps): KpiCommands {
  let suppressed = true;
  let comparison: Promise<Comparison> | null = null;

  const look = async (): Promise<Gate> => {
    const gate = gateOf(await deps.store.load(deps.address, gateReads(deps.manifest)));
    suppressed = gate.suppressed;
    return gate;
  };

  /** Made once a claim: `overtaken` and `atClaim` ask side by side, and only the latter may mute after it. */
  const compare = (claim: Claim): Promise<Comparison> =>
    (comparison ??= Promise.all([deps.checkpoint(), look()]).then(([checkpoint, { seen }]) => ({
      checkpoint,
      isOlder: isOvertaken(deps.manifest, claim, checkpoint, seen),
    })));

  async function* afterCommit(ownership: TaskOwnership): AsyncGenerator<readonly KpiInput[]> {
    if (!suppressed || !mayResume(await look(), ownership.positions)) return;
    suppressed = false;
    for await (const page of pagesOf(deps.store, deps.address, SUMS_HASH))
      yield page.map(([field]) => ({ recheck: field.toString('utf8') }));
    yield [{ resume: true }];
  }

  return {
    suppressed: () => suppressed,
    overtaken: (claim) => compare(claim).then(({ isOlder }) => isOlder),
    afterCommit,
    async *atClaim(ownership, claim) {
      const { checkpoint, isOlder } = await compare(claim);
      if (isOlder) {
        suppressed = true;
        yield [{ suppressUntil: checkpoint?.offset ?? 0 }];
      }
      // A former owner's last record may have arrived after the state was laid out. From here on none can.
      if (suppressed) {
        const last = await lastPublished(deps.readPublished);
        refuseOutnumbered(deps, last);
        yield* relearned(last);
        yield* unlearned(deps, last);
        if (checkpoint !== null) yield [{ seen: checkpointKey(checkpoint) }];
      }
      yield* afterCommit(ownership);
    },
  };
}

function refuseOutnumbered(
  { manifest: { stateId, generation }, numberOf }: Pick<GateDeps, 'manifest' | 'numberOf'>,
  last: ReadonlyMap<string, Buffer>,
): void {
  for (const value of last.values())
    if (numberOf(value) > generation)
      throw new SupersededGenerationError(`generation ${stateId} is of before a cut-over`);
}

/** The last record of each delivery in a partition of the KPI topic. */
export async function lastPublished(
  readPublished: (onRecord: (record: LogRecord) => void) => Promise<void>,
): Promise<ReadonlyMap<string, Buffer>> {
  const last = new Map<string, Buffer>();
  await readPublished(({ key, value }) => {
    if (key !== null && value !== null) last.set(key.toString('utf8'), Buffer.from(value));
  });
  return last;
}

/** How a kpi task begins that succeeds an earlier life: muted, and knowing what that life published last. */
export function suppressedStart(published: ReadonlyMap<string, Buffer>): readonly Write[] {
  const entries = [...published].map(
    ([deliveryId, value]) => [Buffer.from(deliveryId, 'utf8'), value] as const,
  );
  return [
    { hash: FLAGS_HASH, entries: [[SUPPRESSED_FIELD, Buffer.from('1')]] },
    ...(entries.length > 0 ? [{ hash: PUBLISHED_HASH, entries }] : []),
  ];
}

const PAGE = 500;

function* relearned(last: ReadonlyMap<string, Buffer>): Generator<readonly KpiCommand[]> {
  const commands = [...last].map(([deliveryId, published]) => ({ deliveryId, published }));
  yield* inPortions(commands, PAGE);
}

/** What the state has for published, and the log has not. */
async function* unlearned(
  { store, address }: Pick<GateDeps, 'store' | 'address'>,
  last: ReadonlyMap<string, Buffer>,
): AsyncGenerator<readonly KpiCommand[]> {
  for await (const page of pagesOf(store, address, PUBLISHED_HASH)) {
    const ids = page.map(([field]) => field.toString('utf8')).filter((id) => !last.has(id));
    if (ids.length > 0) yield ids.map((deliveryId) => ({ deliveryId, published: null }));
  }
}
