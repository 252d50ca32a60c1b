import type { Positions } from '../feedback/source';

/** Names one task's state: everything of it lives together and is written in one act. */
export interface TaskAddress {
  readonly generation: number;
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
  /** Higher than every epoch before. */
  readonly epoch: number;
  /** Number of commits so far. */
  readonly sequence: number;
  readonly positions: Positions;
  /** What the last commit wanted to be emitted, as packed by it: emit it again before the next commit. */
  readonly outbox: Buffer | null;
}

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
  /** Raises the task's epoch. Null where the task has no state (see `Generations.create`). */
  claim(task: TaskAddress): Promise<Claim | null>;
  /** Values by read, then by field; null where absent. One round trip. */
  load(task: TaskAddress, reads: readonly Read[]): Promise<readonly (readonly (Buffer | null)[])[]>;
  /** All or nothing, in one atomic act; everything is checked before anything is written. */
  commit(task: TaskAddress, commit: Commit): Promise<CommitOutcome>;
  /** Positions, epoch and sequence of a task without claiming it; null where it has no state. For readers. */
  inspect(task: TaskAddress): Promise<Omit<Claim, 'outbox'> | null>;
  /** Length of what the last commit wanted to be emitted, in bytes; 0 where there is none. For readers. */
  outboxBytes(task: TaskAddress): Promise<number>;
  /** A page of a hash: at least some entries until `cursor` comes back as '0'. An entry may come twice, none is missed. */
  scan(
    task: TaskAddress,
    hash: string,
    cursor: string,
  ): Promise<{ cursor: string; entries: readonly (readonly [Buffer, Buffer])[] }>;
}

/** What a generation was built with. State built with other values would mean something else. */
export interface Manifest {
  readonly generation: number;
  readonly partitions: number;
  readonly defaultPolicy: 'EFS' | 'RELAY';
  /** Canonical text of the domain groups. */
  readonly domainGroups: string;
  /** Hashes per (delivery, partition). */
  readonly buckets: number;
  /** True where an earlier life published KPIs: nothing is published before the state has caught up with it. */
  readonly succeeds: boolean;
  /** End offsets of the inputs at creation, by partition, then topic index: caught up means past them. */
  readonly targets: readonly Positions[];
}

/** The list of generations and which one is active. */
export interface Generations {
  /** The active one's manifest, or null where the store is empty. */
  active(): Promise<Manifest | null>;
  /** Makes this generation no longer the active one, if it is. Its state, or what is left of it, is of no use. */
  forget(generation: number): Promise<void>;
  /**
   * Makes the manifest's generation, each task at its start positions, and makes it active unless one is active
   * already. Gives the manifest that is active in the end. Interrupted, it can be done again.
   */
  create(
    manifest: Manifest,
    start: { status: readonly Positions[]; kpi: readonly Positions[] },
    seed: readonly { partition: number; writes: readonly Write[] }[],
  ): Promise<Manifest>;
}
