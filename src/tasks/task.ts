import type { Positions, Source } from '../log/source';
import {
  type BatchOutcome,
  type TaskOwnership,
  processBatch,
  type Processed,
  processInputs,
  type BatchDeps,
} from '../pipeline';
import type { TransactionOutcome } from '../log/sink';
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
export interface Opened<Input> extends BatchDeps<Input> {
  /** Emits what the last owner committed and may not have emitted. */
  drain(claim: Claim): Promise<TransactionOutcome>;
  /** What the task owes at its begin, and after each commit, beside the records of the log. */
  onClaim(ownership: TaskOwnership, claim: Claim): AsyncIterable<readonly Input[]>;
  /** `caughtUp`: whether the task has taken all that the log is known to hold. */
  afterCommit(ownership: TaskOwnership, caughtUp: boolean): AsyncIterable<readonly Input[]>;
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
  deps: Opened<Input>,
  claim: Claim,
  stopping: Stopping,
): Promise<TaskEnd | 'rolled-back'> {
  let ownership = resumeFrom(deps, claim);
  let hasOutbox = claim.outbox !== null;
  const observed = (processed: Processed): BatchOutcome => {
    task.observe(processed);
    ownership = processed.ownership;
    if (processed.outcome === 'committed') hasOutbox = processed.outgoing.length > 0;
    return processed.outcome;
  };
  const runCommands = async (commands: AsyncIterable<readonly Input[]>): Promise<BatchOutcome> => {
    for await (const inputs of commands) {
      const outcome = observed(
        await processInputs(deps, ownership, { inputs, rejected: [] }, ownership.positions),
      );
      if (outcome !== 'committed') return outcome;
    }
    return 'committed';
  };

  let outcome = await runCommands(deps.onClaim(ownership, claim));
  if (outcome !== 'committed') return outcome;
  const inbox = await task.source.open(task.partition, ownership.positions);
  stopping.closeInbox = () => inbox.close();
  if (stopping.requested) inbox.close();
  try {
    for (;;) {
      // The batch is handed on at once, so that its records can be forgotten once they are decoded.
      const processed = await inbox
        .take({ max: task.batchMax, lingerMs: task.lingerMs(), idleMs: task.idleMs ?? IDLE_MS })
        .then((batch) => (batch === null ? null : processBatch(deps, ownership, batch)));
      if (processed === null) return await letGo(deps, ownership, hasOutbox);
      outcome = observed(processed);
      if (outcome === 'committed') outcome = await runCommands(deps.afterCommit(ownership, inbox.caughtUp()));
      if (outcome !== 'committed') return outcome;
      task.onProgress(ownership.positions, inbox.lag());
    }
  } finally {
    inbox.close();
  }
}

function resumeFrom<Input>(deps: Opened<Input>, claim: Claim): TaskOwnership {
  const emitted = deps.drain(claim);
  emitted.catch(() => undefined);
  return { epoch: claim.epoch, sequence: claim.sequence, positions: claim.positions, emitted };
}

/** Takes the outbox away once it is acknowledged, so that the next owner does not say all of it again. */
async function letGo<Input>(
  deps: Opened<Input>,
  ownership: TaskOwnership,
  hasOutbox: boolean,
): Promise<'fenced' | 'stopped'> {
  const nothing = { inputs: [], rejected: [] };
  const outcome = hasOutbox
    ? (await processInputs(deps, ownership, nothing, ownership.positions)).outcome
    : await ownership.emitted;
  return outcome === 'fenced' ? 'fenced' : 'stopped';
}
