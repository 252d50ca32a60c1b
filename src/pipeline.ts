import type { Decoded, Rejected } from './feedback/decode';
import type { Batch, LogRecord, Positions } from './log/source';
import type { FencedOutcome, OutgoingRecord } from './log/sink';
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
export interface TaskEnds<Input> {
  decode(records: readonly LogRecord[]): Promise<Decoded<Input>>;
  /** Resolves when the dead letters are acknowledged. */
  setAside(rejected: readonly Rejected[]): Promise<void>;
  load(reads: readonly Read[]): Promise<Loaded>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /** Emits what a commit left to be emitted. */
  emit(records: readonly OutgoingRecord[], made: Made): Promise<FencedOutcome>;
  project: Projection<Input>;
}

/** A commit, as seen from the records that it left to be emitted: whose it was, and where the task stood after it. */
export interface Made {
  readonly epoch: number;
  readonly positions: Positions;
}

/** One owner's hold on a task. Changes with every commit. */
export interface Hold extends Made {
  readonly sequence: number;
  /** Settles when the last commit's outbox is acknowledged. */
  readonly emitted: Promise<FencedOutcome>;
}

/** What became of a batch: of its commit, or of the outbox before it, which must have been acknowledged. */
export type BatchOutcome = CommitOutcome | Exclude<FencedOutcome, 'acknowledged'>;

/** What a batch came to, for whoever watches. */
export interface Processed {
  readonly hold: Hold;
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
  ends: TaskEnds<Input>,
  hold: Hold,
  { records, next }: Batch,
): Promise<Processed> {
  return ends.decode(records).then((decoded) => processInputs(ends, hold, decoded, next));
}

/**
 * The path of what was decoded, in order. Nothing is written before everything is checked; dead letters are
 * acknowledged before the position passes them; an outbox is acknowledged before the next commit replaces it. So a
 * crash between any two lines repeats bytes, and never loses or changes them.
 */
export function processInputs<Input>(
  ends: TaskEnds<Input>,
  hold: Hold,
  { inputs, rejected }: Decoded<Input>,
  next: Positions,
): Promise<Processed> {
  const plan = ends.project(inputs, next);
  const folded = inputs.length;
  return Promise.all([ends.load(plan.reads), ends.setAside(rejected)]).then(([loaded]) =>
    settle(ends, { hold, folded, rejected }, plan.project(loaded), next),
  );
}

async function settle<Input>(
  ends: TaskEnds<Input>,
  batch: Pick<Processed, 'hold' | 'folded' | 'rejected'>,
  { writes, outgoing }: Projected,
  next: Positions,
): Promise<Processed> {
  const { hold } = batch;
  const seen = { ...batch, outgoing };
  const emitted = await hold.emitted;
  if (emitted !== 'acknowledged') return { ...seen, outcome: emitted };

  const { epoch, positions: expected } = hold;
  const sequence = hold.sequence + 1;
  const outbox = packOutbox(outgoing);
  const outcome = await ends.commit({ epoch, sequence, expected, next, writes, outbox });
  if (outcome !== 'committed') return { ...seen, outcome };

  const emitting = emitInBackground(ends, outgoing, { epoch, positions: next });
  return { ...seen, outcome, hold: { epoch, sequence, positions: next, emitted: emitting } };
}

/** The outbox leaves while the next batch is read and folded; a failure surfaces where the next commit awaits it. */
function emitInBackground<Input>(
  ends: TaskEnds<Input>,
  outgoing: readonly OutgoingRecord[],
  made: Made,
): Promise<FencedOutcome> {
  const emitted = ends.emit(outgoing, made);
  emitted.catch(() => undefined);
  return emitted;
}
