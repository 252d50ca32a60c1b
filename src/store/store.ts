import type { PolicyName } from '../feedback/feedback';
import type { Positions } from '../log/source';
import type { TopicIds } from '../log/topic-ids';

/** The address of one task's state. All of it is stored together and written atomically. */
export interface TaskAddress {
  readonly stateId: number;
  readonly pipeline: 'status' | 'kpi';
  readonly partition: number;
}

/** The status task of a state in a partition. */
export const statusTaskOf = ({ stateId }: Pick<TaskAddress, 'stateId'>, partition: number): TaskAddress => ({
  stateId,
  pipeline: 'status',
  partition,
});

/**
 * Items in order. Lists of messages are packed as they are built, because a batch holds thousands of them: they carry
 * the form that the scripts take (packing.ts), and can still be iterated.
 */
export interface PackableList<Item> extends Iterable<Item> {
  readonly length: number;
  readonly packed?: Buffer;
}

/** Some fields of one hash of the task. A hash has a short name (`c`) and may belong to an id (`m` of a delivery). */
export interface Read {
  readonly hash: string;
  readonly fields: PackableList<Buffer>;
}

export interface Write {
  readonly hash: string;
  /** A null value deletes the field. */
  readonly entries: PackableList<readonly [field: Buffer, value: Buffer | null]>;
}

/** What a claim returns to the new owner of a task. */
export interface Claim {
  /** Higher than every epoch before, including those that the store has lost since. */
  readonly epoch: number;
  /** Number of commits so far. */
  readonly sequence: number;
  readonly positions: Positions;
  /** The epoch of the owner that made the last commit; 0 where there was none. */
  readonly committedBy: number;
  /** The outbox of the last commit, as that commit packed it: emit it again before the next commit. */
  readonly outbox: Buffer | null;
}

/** What an owner knows to have been committed last: of one task, no two commits have the same. */
export type CommitId = Pick<Claim, 'epoch' | 'sequence'>;

/** How far a task is, for readers that do not own it. */
export type TaskProgress = Pick<Claim, 'epoch' | 'sequence' | 'positions'>;

export interface Commit {
  readonly epoch: number;
  /** One more than the last one's. Makes a commit whose reply was lost safe to send again. */
  readonly sequence: number;
  /** What the stored positions must be; nothing is written otherwise. */
  readonly expected: Positions;
  readonly next: Positions;
  readonly writes: readonly Write[];
  /** Replaces the last commit's outbox, which must have been emitted. */
  readonly outbox: Buffer | null;
}

/**
 * - `committed`: written now, or by an earlier sending of the same commit.
 * - `fenced`: another owner has claimed the task; nothing was written.
 * - `rolled-back`: the store holds an older state than this owner has seen; claim again and continue from there.
 * - `lost`: the task's state is gone; only a rebuild brings it back.
 */
export type CommitOutcome = 'committed' | 'fenced' | 'rolled-back' | 'lost';

/** Thrown by a read of an owner where the store holds another state of the task than the owner has committed. */
export class NotOwned extends Error {
  override readonly name = 'NotOwned';
  readonly outcome: Exclude<CommitOutcome, 'committed'>;

  constructor(outcome: Exclude<CommitOutcome, 'committed'>) {
    super(`the state is not what its owner has committed: ${outcome}`);
    this.outcome = outcome;
  }
}

/** Throws `NotOwned` where a task's last commit, null where it has no state, is not the one that its owner knows. */
export function refuseOthers(found: CommitId | null, known: CommitId): void {
  if (found === null) throw new NotOwned('lost');
  if (found.epoch > known.epoch) throw new NotOwned('fenced');
  if (found.epoch < known.epoch || found.sequence !== known.sequence) throw new NotOwned('rolled-back');
}

/** Reads and writes the state of one generation. All methods throw `redis-unavailable` when the outcome is unknown. */
export interface Store {
  /**
   * Raises the task's epoch, for an owner that runs under the generation number `number`. Null where the task has no
   * state (see `Generations.create`), and where it is sealed against that number.
   */
  claim(task: TaskAddress, number: number): Promise<Claim | null>;
  /**
   * Values by read, then by field; null where absent. One round trip. Throws `NotOwned` where `known` is given and is not the
   * task's last commit.
   */
  load(
    task: TaskAddress,
    reads: readonly Read[],
    known?: CommitId,
  ): Promise<readonly (readonly (Buffer | null)[])[]>;
  /** Values, and the positions up to which they were folded, read atomically. Null where the task has no state. */
  loadAt(task: TaskAddress, reads: readonly Read[]): Promise<LoadedAt | null>;
  /** The values of one read, and how many fields each of these hashes has; read atomically. At most 7,000 fields. */
  count(task: TaskAddress, read: Read, hashes: readonly string[]): Promise<Counted>;
  /** Atomic: writes all or nothing; everything is checked before anything is written. */
  commit(task: TaskAddress, commit: Commit): Promise<CommitOutcome>;
  /** Positions, epoch and sequence of a task without claiming it; null where it has no state. For readers. */
  inspect(task: TaskAddress): Promise<TaskProgress | null>;
  /** Length of the last commit's outbox, in bytes; 0 where there is none. For readers. */
  outboxBytes(task: TaskAddress): Promise<number>;
  /**
   * A page of a hash: at least some entries until `cursor` comes back as '0'. An entry may appear twice, none is missed. Throws
   * `NotOwned` as `load` does.
   */
  scan(
    task: TaskAddress,
    hash: string,
    cursor: string,
    known?: CommitId,
  ): Promise<{ cursor: string; entries: readonly (readonly [Buffer, Buffer])[] }>;
  /**
   * Fences a task for every owner that runs under `number` or a lower generation number: their epoch is void, and they
   * cannot claim the task again. Returns what the task was left with; null where it has no state. Idempotent.
   */
  seal(task: TaskAddress, number: number): Promise<Sealed | null>;
  /** Deletes hashes of a task. */
  erase(task: TaskAddress, hashes: readonly string[]): Promise<void>;
  /** Deletes a task's positions and outbox: the task then has no state. Its hashes must be deleted before. */
  eraseTask(task: TaskAddress): Promise<void>;
}

/** Values by read, then by field, and the positions up to which they were folded. */
export interface LoadedAt {
  readonly positions: Positions;
  readonly values: readonly (readonly (Buffer | null)[])[];
}

/** Values by field, null where absent, and the number of fields by hash, 0 where there is no such hash. */
export interface Counted {
  readonly values: readonly (Buffer | null)[];
  readonly fields: readonly number[];
}

/** What a sealed task was left with: its last commit's outbox may not have been emitted. */
export type Sealed = Pick<Claim, 'positions' | 'committedBy' | 'outbox'>;

/** The settings that a generation was built with, and its number. State built with other settings has another meaning. */
export interface Manifest {
  /** Identifies its state: part of its keys. */
  readonly stateId: number;
  /**
   * The number that its records carry, higher than any before: readers keep the highest. A generation gets a new number
   * whenever it becomes active, also where a retired one is brought back. 0 for a candidate, which publishes nothing.
   */
  readonly generation: number;
  readonly partitions: number;
  readonly defaultPolicy: PolicyName;
  /** Canonical text of the domain groups. */
  readonly domainGroups: string;
  /** Hashes per (delivery, partition). */
  readonly buckets: number;
  /** The state id it took over from, whose state holds what was published last; null where there is none. */
  readonly predecessor: number | null;
  /**
   * Where a kpi task starts in the contributions that is not there yet, by partition: those before are not of this time.
   * Empty: wherever it is. Null from the switch of a cut-over to its completion: until then none of its tasks may run.
   */
  readonly contributionsFrom: readonly number[] | null;
  /** What identified the topics that its positions belong to; absent where an earlier version has written it. */
  readonly topicIds?: TopicIds;
  /** Set once its deletion has begun: the deletion can be completed, nothing else can be done with it. */
  readonly dropping?: true;
}

/** Identifies a listed generation as of one cut-over: its state, and the number it has had since. */
export type GenerationRef = Pick<Manifest, 'stateId' | 'generation'>;

/** The list of generations and which one is active. */
export interface Generations {
  /** The active one's manifest, or null where the store is empty. */
  active(): Promise<Manifest | null>;
  /** All that are listed, the active one included, by state id. */
  list(): Promise<readonly Manifest[]>;
  /** Deactivates this generation, if it is the active one. Its state, or what is left of it, is of no use. */
  deactivate(lost: GenerationRef): Promise<void>;
  /**
   * Creates the manifest's generation, each task at its start positions, and activates it unless one is active
   * already. Returns the manifest that is active in the end. Can be repeated after an interruption. Its tasks are sealed
   * against numbers below its own: an owner from before the store was lost may know another state by the same id.
   */
  create(manifest: Manifest, start: StartPositions): Promise<Manifest>;
  /**
   * Creates the manifest's generation and lists it, whatever is active. Returns the manifest that is listed in the end.
   * Can be repeated after an interruption.
   */
  propose(manifest: Manifest, start: StartPositions): Promise<Manifest>;
  /**
   * Atomically replaces the active generation with `to` if it is still `from`. False where it is not, and where `to`
   * is not on the list or its deletion has begun.
   */
  replaceActive(from: GenerationRef & Pick<Manifest, 'contributionsFrom'>, to: Manifest): Promise<boolean>;
  /** Marks on the list that a generation's deletion has begun, unless it is active: then false. */
  beginDrop(stateId: number): Promise<boolean>;
  /** Removes a generation from the list, unless it is active: then false. */
  unlist(stateId: number): Promise<boolean>;
}

/** The positions at which the tasks of a new generation start, by partition. */
export interface StartPositions {
  readonly status: readonly Positions[];
  readonly kpi: readonly Positions[];
}

/** A task of a new generation. */
export interface NewTask {
  readonly address: TaskAddress;
  readonly positions: Positions;
}

/** The tasks of a new generation, those of the status pipeline first. */
export function newTasks({ stateId }: GenerationRef, start: StartPositions): NewTask[] {
  return (['status', 'kpi'] as const).flatMap((pipeline) =>
    start[pipeline].map((positions, partition) => ({ address: { stateId, pipeline, partition }, positions })),
  );
}
