import type { Decoded, Rejected } from './feedback/decode';
import type { Batch, LogRecord, Positions } from './log/source';
import type { TransactionOutcome, OutgoingRecord } from './log/sink';
import { packOutbox } from './store/outbox';
import type { Commit, CommitOutcome, Read, Write } from './store/store';

/** The values of what was asked for: by read, then by field; null where absent. */
export type Loaded = readonly (readonly (Buffer | null)[])[];

/** What a batch does to a task: nothing here has happened yet. */
export interface Projected {
  readonly writes: readonly Write[];
  readonly outgoing: readonly OutgoingRecord[];
}

/** What a batch needs of the store, and what it makes of it: `project` is pure and synchronous. */
export interface Plan {
  readonly reads: readonly Read[];
  project(loaded: Loaded): Projected;
}

/** The heart of a pipeline: folds inputs into state. `next` is where the task stands once they are folded. */
export type Projection<Input> = (inputs: readonly Input[], next: Positions) => Plan;

/** The ends of one task, each of which waits out outages by itself. */
export interface BatchDeps<Input> {
  decode(records: readonly LogRecord[]): Promise<Decoded<Input>>;
  /** Resolves when the dead letters are acknowledged. */
  setAside(rejected: readonly Rejected[]): Promise<void>;
  load(reads: readonly Read[]): Promise<Loaded>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /** Emits what a commit left to be emitted. */
  emit(records: readonly OutgoingRecord[], made: Made): Promise<TransactionOutcome>;
  project: Projection<Input>;
}

/** A commit, as seen from the records that it left to be emitted: whose it was, and where the task stood after it. */
export interface Made {
  readonly epoch: number;
  readonly positions: Positions;
}

/** One owner's hold on a task. Changes with every commit. */
export interface TaskOwnership extends Made {
  readonly sequence: number;
  /** Settles when the last commit's outbox is acknowledged. */
  readonly emitted: Promise<TransactionOutcome>;
}

/** What became of a batch: of its commit, or of the outbox before it, which must have been acknowledged. */
export type BatchOutcome = CommitOutcome | Exclude<TransactionOutcome, 'acknowledged'>;

/** What a batch came to, for whoever watches. */
export interface Processed {
  readonly ownership: TaskOwnership;
  readonly outcome: BatchOutcome;
  readonly folded: number;
  readonly rejected: readonly Rejected[];
  readonly outgoing: readonly OutgoingRecord[];
}

/*
 * Several batches wait for the store at any time, and what they hold meanwhile costs the garbage collector: so no step
 * keeps what only the one before it needed. An `async` function would keep its arguments to its end.
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
 * The path of what was decoded, in order. Nothing is written before everything is checked; dead letters are
 * acknowledged before the position passes them; an outbox is acknowledged before the next commit replaces it. So a
 * crash between any two lines repeats bytes, and never loses or changes them.
 */
export function processInputs<Input>(
  deps: BatchDeps<Input>,
  ownership: TaskOwnership,
  { inputs, rejected }: Decoded<Input>,
  next: Positions,
): Promise<Processed> {
  const plan = deps.project(inputs, next);
  const folded = inputs.length;
  return Promise.all([deps.load(plan.reads), deps.setAside(rejected)]).then(([loaded]) =>
    settle(deps, { ownership, folded, rejected }, plan.project(loaded), next),
  );
}

async function settle<Input>(
  deps: BatchDeps<Input>,
  batch: Pick<Processed, 'ownership' | 'folded' | 'rejected'>,
  { writes, outgoing }: Projected,
  next: Positions,
): Promise<Processed> {
  const { ownership } = batch;
  const seen = { ...batch, outgoing };
  const emitted = await ownership.emitted;
  if (emitted !== 'acknowledged') return { ...seen, outcome: emitted };

  const { epoch, positions: expected } = ownership;
  const sequence = ownership.sequence + 1;
  const outbox = packOutbox(outgoing);
  const outcome = await deps.commit({ epoch, sequence, expected, next, writes, outbox });
  if (outcome !== 'committed') return { ...seen, outcome };

  const emitting = emitInBackground(deps, outgoing, { epoch, positions: next });
  return { ...seen, outcome, ownership: { epoch, sequence, positions: next, emitted: emitting } };
}

/** The outbox leaves while the next batch is read and folded; a failure surfaces where the next commit awaits it. */
function emitInBackground<Input>(
  deps: BatchDeps<Input>,
  outgoing: readonly OutgoingRecord[],
  made: Made,
): Promise<TransactionOutcome> {
  const emitted = deps.emit(outgoing, made);
  emitted.catch(() => undefined);
  return emitted;
}
