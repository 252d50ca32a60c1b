import type { Positions, Source } from '../log/source';
import {
  type BatchOutcome,
  type Hold,
  processBatch,
  type Processed,
  processInputs,
  type TaskEnds,
} from '../pipeline';
import type { FencedOutcome } from '../log/sink';
import type { Claim } from '../store/store';

/*
 * The life of a task: one partition of one pipeline at one owner.
 *
 *   shut out former owners' sinks ──> claim ──> drain the outbox ──> do what it owes ──> batch, batch, batch ──> stopped
 *     ^                                                                                           │
 *     └────────────────────────────── rolled back: the store is older than its owner <────────────┤
 *               fenced: another owner; lost: no state; unacknowledged: the sink is lost <─────────┘
 */

/**
 * An idle task commits nothing now and then: that tells it whether its state is still there, still its own, and still
 * what it left.
 */
const IDLE_MS = 5_000;

/** How a task ended: told to, another owner has it, its state is gone, or its sink is of no more use. */
export type TaskEnd = 'stopped' | 'fenced' | 'lost' | 'unacknowledged';

/** What one claim works with; a new claim opens new ones. */
export interface Opened<Input> extends TaskEnds<Input> {
  /** Emits what the last owner committed and may not have emitted. */
  drain(claim: Claim): Promise<FencedOutcome>;
  /** What the task owes at its begin, and after each commit, beside the records of the log. */
  owedAtClaim(hold: Hold, claim: Claim): AsyncIterable<readonly Input[]>;
  /** `caughtUp`: whether the task has taken all that the log is known to hold. */
  owedAfterCommit(hold: Hold, caughtUp: boolean): AsyncIterable<readonly Input[]>;
  close(): Promise<void>;
}

export interface Task<Input> {
  readonly partition: number;
  readonly source: Pick<Source, 'open'>;
  readonly batchMax: number;
  /** How long an idle task waits before it commits nothing, in milliseconds. */
  readonly idleMs?: number;
  /** How long to wait for more once something is there, in milliseconds; asked before each batch. */
  lingerMs(): number;
  claim(): Promise<Claim | null>;
  /**
   * Opens the ends, which shuts out a former owner's. Comes before the claim: whoever opened last and claimed last may
   * be two, but then neither emits what the other has overtaken.
   */
  open(): Promise<Opened<Input>>;
  /** Gets every batch, committed or not. */
  observe(processed: Processed): void;
  onRolledBack(): void;
  /** Tells how far the task is after a batch, and how much of each topic it knows to lie before it. */
  onProgress(positions: Positions, lag: readonly number[]): void;
}

/** Lets `stop` close the inbox that is open at the time. */
export interface Stopping {
  requested: boolean;
  closeInbox(): void;
}

/** Runs a task until it ends. Throws what is not retriable (`position-lost`, a broken invariant), and `Stopped`. */
export async function runTask<Input>(task: Task<Input>, stopping: Stopping): Promise<TaskEnd> {
  while (!stopping.requested) {
    const opened = await task.open();
    try {
      const claim = await task.claim();
      if (claim === null) return 'lost';
      const end = await holdTask(task, opened, claim, stopping);
      if (end !== 'rolled-back') return end;
      task.onRolledBack();
    } finally {
      await opened.close();
    }
  }
  return 'stopped';
}

async function holdTask<Input>(
  task: Task<Input>,
  ends: Opened<Input>,
  claim: Claim,
  stopping: Stopping,
): Promise<TaskEnd | 'rolled-back'> {
  let hold = adopt(ends, claim);
  let hasOutbox = claim.outbox !== null;
  const observed = (processed: Processed): BatchOutcome => {
    task.observe(processed);
    hold = processed.hold;
    if (processed.outcome === 'committed') hasOutbox = processed.outgoing.length > 0;
    return processed.outcome;
  };
  const doOwed = async (owed: AsyncIterable<readonly Input[]>): Promise<BatchOutcome> => {
    for await (const inputs of owed) {
      const outcome = observed(await processInputs(ends, hold, { inputs, rejected: [] }, hold.positions));
      if (outcome !== 'committed') return outcome;
    }
    return 'committed';
  };

  let outcome = await doOwed(ends.owedAtClaim(hold, claim));
  if (outcome !== 'committed') return outcome;
  const inbox = await task.source.open(task.partition, hold.positions);
  stopping.closeInbox = () => inbox.close();
  if (stopping.requested) inbox.close();
  try {
    for (;;) {
      // The batch is handed on at once, so that its records can be forgotten once they are decoded.
      const processed = await inbox
        .take({ max: task.batchMax, lingerMs: task.lingerMs(), idleMs: task.idleMs ?? IDLE_MS })
        .then((batch) => (batch === null ? null : processBatch(ends, hold, batch)));
      if (processed === null) return await letGo(ends, hold, hasOutbox);
      outcome = observed(processed);
      if (outcome === 'committed') outcome = await doOwed(ends.owedAfterCommit(hold, inbox.caughtUp()));
      if (outcome !== 'committed') return outcome;
      task.onProgress(hold.positions, inbox.lag());
    }
  } finally {
    inbox.close();
  }
}

function adopt<Input>(ends: Opened<Input>, claim: Claim): Hold {
  const emitted = ends.drain(claim);
  emitted.catch(() => undefined);
  return { epoch: claim.epoch, sequence: claim.sequence, positions: claim.positions, emitted };
}

/** Takes the outbox away once it is acknowledged, so that the next owner does not say all of it again. */
async function letGo<Input>(
  ends: Opened<Input>,
  hold: Hold,
  hasOutbox: boolean,
): Promise<'fenced' | 'stopped'> {
  const nothing = { inputs: [], rejected: [] };
  const outcome = hasOutbox
    ? (await processInputs(ends, hold, nothing, hold.positions)).outcome
    : await hold.emitted;
  return outcome === 'fenced' ? 'fenced' : 'stopped';
}
