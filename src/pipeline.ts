import type { Decoded, Rejected } from './feedback/decode';
import type { Batch, LogRecord, Positions } from './log/source';
import type { TransactionOutcome, OutgoingRecord } from './log/sink';
import { packOutbox } from './store/outbox';
import type { Commit, CommitOutcome, Read, Write } from './store/store';

/** The loaded values: by read, then by field; null where absent. */
export type Loaded = readonly (readonly (Buffer | null)[])[];

/** The effects of a batch, or of an internal command, on a task; not yet applied. */
export interface Projected {
  readonly writes: readonly Write[];
  readonly outgoing: readonly OutgoingRecord[];
}

/** The reads of a batch, and its synchronous projection to effects, which changes nothing but the owner's cache. */
export interface Plan {
  readonly reads: readonly Read[];
  project(loaded: Loaded): Projected;
}

/** The core of a pipeline: folds inputs into state. `next` holds the task's positions after the fold. */
export type Projection<Input> = (inputs: readonly Input[], next: Positions) => Plan;

/** The dependencies of one task, each of which retries through outages by itself. */
export interface BatchDeps<Input> {
  decode(records: readonly LogRecord[]): Promise<Decoded<Input>>;
  /** Resolves when the dead letters are acknowledged. */
  emitDeadLetters(rejected: readonly Rejected[]): Promise<void>;
  load(reads: readonly Read[]): Promise<Loaded>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /** Emits the outbox of a commit. */
  emit(records: readonly OutgoingRecord[], made: CommitRef): Promise<TransactionOutcome>;
  project: Projection<Input>;
}

/** The commit that an outbox belongs to: the epoch of its owner, and the task's positions after it. */
export interface CommitRef {
  readonly epoch: number;
  readonly positions: Positions;
}

/** The owner's view of its task. Replaced with every commit. */
export interface TaskOwnership extends CommitRef {
  readonly sequence: number;
  /** The outcome of the last commit's outbox. */
  readonly emitted: Promise<TransactionOutcome>;
}

/** The outcome of a batch: of its commit, or of the previous outbox where that was not acknowledged. */
export type BatchOutcome = CommitOutcome | Exclude<TransactionOutcome, 'acknowledged'>;

/** The result of a batch, for observers. */
export interface Processed {
  readonly ownership: TaskOwnership;
  readonly outcome: BatchOutcome;
  readonly folded: number;
  readonly rejected: readonly Rejected[];
  readonly outgoing: readonly OutgoingRecord[];
}

/*
 * Several batches wait for the store at any time, and what they retain meanwhile costs the garbage collector: so no step
 * retains what only an earlier step needed. An `async` function would retain its arguments until it returns.
 */

/** The path of a batch: from bytes to committed state and outgoing records. */
export function processBatch<Input>(
  deps: BatchDeps<Input>,
  ownership: TaskOwnership,
  { records, next }: Batch,
): Promise<Processed> {
  return deps.decode(records).then((decoded) => processInputs(deps, ownership, decoded, next));
}

/**
 * The path of a decoded batch, in order. Nothing is written before everything is checked; dead letters are
 * acknowledged before the position passes them; an outbox is acknowledged before the next commit replaces it. So a
 * crash between any two lines repeats bytes, and never loses or changes them.
 */
function processInputs<Input>(
  deps: BatchDeps<Input>,
  ownership: TaskOwnership,
  { inputs, rejected }: Decoded<Input>,
  next: Positions,
): Promise<Processed> {
  const plan = deps.project(inputs, next);
  const folded = inputs.length;
  return Promise.all([deps.load(plan.reads), deps.emitDeadLetters(rejected)]).then(([loaded]) =>
    commitEffects(deps, { ownership, folded, rejected }, plan.project(loaded), next),
  );
}

/** Commits effects at these positions, once the outbox of the commit before is acknowledged, and begins to emit theirs. */
export async function commitEffects<Input>(
  deps: Pick<BatchDeps<Input>, 'commit' | 'emit'>,
  batch: Pick<Processed, 'ownership' | 'folded' | 'rejected'>,
  { writes, outgoing }: Projected,
  next: Positions,
): Promise<Processed> {
  const { ownership } = batch;
  const result = { ...batch, outgoing };
  const emitted = await ownership.emitted;
  if (emitted !== 'acknowledged') return { ...result, outcome: emitted };

  const { epoch, positions: expected } = ownership;
  const sequence = ownership.sequence + 1;
  const outbox = packOutbox(outgoing);
  const outcome = await deps.commit({ epoch, sequence, expected, next, writes, outbox });
  if (outcome !== 'committed') return { ...result, outcome };

  const emitting = emitInBackground(deps, outgoing, { epoch, positions: next });
  return { ...result, outcome, ownership: { epoch, sequence, positions: next, emitted: emitting } };
}

/** The outbox is emitted while the next batch is read and folded; a failure surfaces where the next commit awaits it. */
function emitInBackground<Input>(
  deps: Pick<BatchDeps<Input>, 'emit'>,
  outgoing: readonly OutgoingRecord[],
  made: CommitRef,
): Promise<TransactionOutcome> {
  const emitted = deps.emit(outgoing, made);
  emitted.catch(() => undefined);
  return emitted;
}
