import type { Decoded, Rejected } from './feedback/decode';
import type { Batch, LogRecord, Positions } from './feedback/source';
import type { FencedOutcome, OutgoingRecord } from './kpi/sink';
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
  emit(records: readonly OutgoingRecord[], next: Positions): Promise<FencedOutcome>;
  project: Projection<Input>;
}

/** One owner's hold on a task. Changes with every commit. */
export interface Hold {
  readonly epoch: number;
  readonly sequence: number;
  readonly positions: Positions;
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

/** The path of a batch: from bytes to committed state and outgoing records. */
export async function processBatch<Input>(
  ends: TaskEnds<Input>,
  hold: Hold,
  batch: Batch,
): Promise<Processed> {
  const decoded = await ends.decode(batch.records);
  return processInputs(ends, hold, decoded, batch.next);
}

/**
 * The path of what was decoded, in order. Nothing is written before everything is checked; dead letters are
 * acknowledged before the position passes them; an outbox is acknowledged before the next commit replaces it. So a
 * crash between any two lines repeats bytes, and never loses or changes them.
 */
export async function processInputs<Input>(
  ends: TaskEnds<Input>,
  hold: Hold,
  { inputs, rejected }: Decoded<Input>,
  next: Positions,
): Promise<Processed> {
  const plan = ends.project(inputs, next);
  const [loaded] = await Promise.all([ends.load(plan.reads), ends.setAside(rejected)]);
  const { writes, outgoing } = plan.project(loaded);
  const seen = { hold, folded: inputs.length, rejected, outgoing };
  const emitted = await hold.emitted;
  if (emitted !== 'acknowledged') return { ...seen, outcome: emitted };

  const { epoch, positions: expected } = hold;
  const sequence = hold.sequence + 1;
  const outcome = await ends.commit({
    epoch,
    sequence,
    expected,
    next,
    writes,
    outbox: packOutbox(outgoing),
  });
  if (outcome !== 'committed') return { ...seen, outcome };

  const emitting = emitInBackground(ends, outgoing, next);
  return { ...seen, outcome, hold: { epoch, sequence, positions: next, emitted: emitting } };
}

/** The outbox leaves while the next batch is read and folded; a failure surfaces where the next commit awaits it. */
function emitInBackground<Input>(
  ends: TaskEnds<Input>,
  outgoing: readonly OutgoingRecord[],
  next: Positions,
): Promise<FencedOutcome> {
  const emitted = ends.emit(outgoing, next);
  emitted.catch(() => undefined);
  return emitted;
}
