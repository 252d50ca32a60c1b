import type { Positions } from '../log/source';

/** Names one task's state: everything of it lives together and is written in one act. */
export interface TaskAddress {
  readonly stateId: number;
  readonly pipeline: 'status' | 'kpi';
  readonly partition: number;
}

/**
 * Things in order. Lists of messages are packed as they are made, because there are thousands of them in a batch: they
 * then have a form as scripts take it (packing.ts), and can be walked nevertheless.
 */
export interface Listed<Item> extends Iterable<Item> {
  readonly length: number;
  readonly packed?: Buffer;
}

/** Some fields of one hash of the task. A hash has a short name (`c`) and may belong to an id (`m` of a delivery). */
export interface Read {
  readonly hash: string;
  readonly fields: Listed<Buffer>;
}

export interface Write {
  readonly hash: string;
  /** A null value deletes the field. */
  readonly entries: Listed<readonly [field: Buffer, value: Buffer | null]>;
}

/** What the owner of a task finds when it claims it. */
export interface Claim {
  /** Higher than every epoch before, also than those that the store has forgotten since. */
  readonly epoch: number;
  /** Number of commits so far. */
  readonly sequence: number;
  readonly positions: Positions;
  /** The epoch of whoever made the last commit; 0 where there was none. */
  readonly committedBy: number;
  /** What the last commit wanted to be emitted, as packed by it: emit it again before the next commit. */
  readonly outbox: Buffer | null;
}

/** Where a task stands, for those who do not own it. */
export type TaskStanding = Pick<Claim, 'epoch' | 'sequence' | 'positions'>;

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
 * - `rolled-back`: the store holds an older state than this owner has seen; claim again and go on from there.
 * - `lost`: the task's state is gone; only a rebuild brings it back.
 */
export type CommitOutcome = 'committed' | 'fenced' | 'rolled-back' | 'lost';

/** The reading and writing of one generation's state. All methods throw `redis-unavailable` when the outcome is unknown. */
export interface Store {
  /**
   * Raises the task's epoch, for an owner whose generation publishes under `number`. Null where the task has no state
   * (see `Generations.create`), and where it is sealed against that number.
   */
  claim(task: TaskAddress, number: number): Promise<Claim | null>;
  /** Values by read, then by field; null where absent. One round trip. */
  load(task: TaskAddress, reads: readonly Read[]): Promise<readonly (readonly (Buffer | null)[])[]>;
  /** The same, and the positions that the values stand for, at one moment. Null where the task has no state. */
  loadAt(task: TaskAddress, reads: readonly Read[]): Promise<LoadedAt | null>;
  /** All or nothing, in one atomic act; everything is checked before anything is written. */
  commit(task: TaskAddress, commit: Commit): Promise<CommitOutcome>;
  /** Positions, epoch and sequence of a task without claiming it; null where it has no state. For readers. */
  inspect(task: TaskAddress): Promise<TaskStanding | null>;
  /** Length of what the last commit wanted to be emitted, in bytes; 0 where there is none. For readers. */
  outboxBytes(task: TaskAddress): Promise<number>;
  /** A page of a hash: at least some entries until `cursor` comes back as '0'. An entry may come twice, none is missed. */
  scan(
    task: TaskAddress,
    hash: string,
    cursor: string,
  ): Promise<{ cursor: string; entries: readonly (readonly [Buffer, Buffer])[] }>;
  /**
   * Ends a task for all who know its generation under `number` or a lesser one: their epoch is worth nothing, and they
   * can claim no other. Gives what the task was left with; null where it has no state. Again it changes nothing.
   */
  seal(task: TaskAddress, number: number): Promise<Sealed | null>;
  /** Deletes hashes of a task. */
  erase(task: TaskAddress, hashes: readonly string[]): Promise<void>;
  /** Deletes a task's positions and outbox: it has no state any more. Its hashes must be gone. */
  eraseTask(task: TaskAddress): Promise<void>;
}

/** Values by read, then by field, and the positions up to which they were folded. */
export interface LoadedAt {
  readonly positions: Positions;
  readonly values: readonly (readonly (Buffer | null)[])[];
}

/** Where a sealed task stands, and what its last owner committed and may not have emitted. */
export interface Sealed {
  readonly positions: Positions;
  readonly outbox: Buffer | null;
}

/** What a generation was built with, and what it publishes under. State built with other settings would mean something else. */
export interface Manifest {
  /** Its name: part of its keys. */
  readonly stateId: number;
  /**
   * The number that its records carry, higher than any before: readers keep the highest. It rises whenever a generation
   * becomes the active one, also where an old one is brought back. 0 for a candidate, which publishes nothing.
   */
  readonly generation: number;
  readonly partitions: number;
  readonly defaultPolicy: 'EFS' | 'RELAY';
  /** Canonical text of the domain groups. */
  readonly domainGroups: string;
  /** Hashes per (delivery, partition). */
  readonly buckets: number;
  /** True where an earlier life published KPIs: nothing is published before the state has caught up with it. */
  readonly hasPredecessor: boolean;
  /** The generation it took over from, whose state tells what was published last; null where that is not there. */
  readonly predecessor: number | null;
  /** False from the switch of a cut-over to its completion: until then none of its tasks may run. */
  readonly cutoverComplete: boolean;
  /** What it must have folded before it speaks: offsets of the inputs, by partition, then topic index. */
  readonly catchUpOffsets: readonly Positions[];
  /** There since its deletion began: that can be completed, and nothing else be done with it. */
  readonly dropping?: true;
}

/** One state of the list: who is active, and since which cut-over. */
export type Standing = Pick<Manifest, 'stateId' | 'generation'>;

/** The list of generations and which one is active. */
export interface Generations {
  /** The active one's manifest, or null where the store is empty. */
  active(): Promise<Manifest | null>;
  /** All that are known, the active one included, by generation. */
  list(): Promise<readonly Manifest[]>;
  /** Makes this generation no longer the active one, if it is. Its state, or what is left of it, is of no use. */
  forget(lost: Standing): Promise<void>;
  /**
   * Makes the manifest's generation, each task at its start positions, and makes it active unless one is active
   * already. Gives the manifest that is active in the end. Interrupted, it can be done again. Its tasks are sealed
   * against lesser numbers than its own: of a store that was lost since, somebody may know another by its name.
   */
  create(manifest: Manifest, start: StartPositions, seed: Seed): Promise<Manifest>;
  /**
   * Makes the manifest's generation and lists it, whatever is active. Gives the manifest that is listed in the end.
   * Interrupted, it can be done again.
   */
  propose(manifest: Manifest, start: StartPositions, seed: Seed): Promise<Manifest>;
  /**
   * Puts `to` in the active one's place if that is still `from`, in one atomic act. False where it is not, and where `to`
   * is not on the list or its deletion has begun.
   */
  replaceActive(from: Standing & Pick<Manifest, 'cutoverComplete'>, to: Manifest): Promise<boolean>;
  /** Notes on the list that a generation's deletion has begun, unless it is active: then false. */
  beginDrop(generation: number): Promise<boolean>;
  /** Takes a generation off the list, unless it is active: then false. */
  unlist(generation: number): Promise<boolean>;
}

/** What the kpi tasks of a new generation begin with. */
export type Seed = readonly { readonly partition: number; readonly writes: readonly Write[] }[];

/** Where the tasks of a new generation begin, by partition. */
export interface StartPositions {
  readonly status: readonly Positions[];
  readonly kpi: readonly Positions[];
}
