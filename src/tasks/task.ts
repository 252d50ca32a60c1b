import type { Inbox, Positions, Source } from '../log/source';
import {
  type BatchDeps,
  type BatchOutcome,
  commitEffects,
  type Processed,
  processBatch,
  type Projected,
  type TaskOwnership,
} from '../pipeline';
import type { TransactionOutcome } from '../log/sink';
import { type Claim, NotOwned, type TaskAddress } from '../store/store';
import { tracedBatch } from './traced';

/*
 * The states of a task: one partition of one pipeline at one owner.
 *
 *   fence former owners' sinks ──> claim ──> drain the outbox ──> run onClaim commands ──> batch, batch, batch ──> stopped
 *     ^                                                                                           │
 *     └────────────────────────────── rolled back: the store is older than its owner <────────────┤
 *               fenced: another owner; lost: no state; unacknowledged: the sink is lost <─────────┘
 */

/**
 * An idle task makes an empty commit at this interval: it verifies that its state still exists, is still its own, and is
 * not stale.
 */
const IDLE_MS = 5_000;

/** How a task ended: on request, fenced by another owner, with its state lost, or with its sink unusable. */
export type TaskEnd = 'stopped' | 'fenced' | 'lost' | 'unacknowledged';

/** The dependencies of one claim; the next claim opens new ones. */
export interface Opened<Input> extends BatchDeps<Input> {
  /** Emits the outbox that the last owner committed and may not have emitted. */
  drain(claim: Claim): Promise<TransactionOutcome>;
  /** The effects of internal commands, which the task runs after its claim and after each commit. */
  onClaim(ownership: TaskOwnership, claim: Claim): AsyncIterable<Projected>;
  /** `caughtUp`: whether the task has processed all that the log is known to hold. */
  afterCommit(ownership: TaskOwnership, caughtUp: boolean): AsyncIterable<Projected>;
  close(): Promise<void>;
}

export interface Task<Input> {
  readonly pipeline: TaskAddress['pipeline'];
  readonly partition: number;
  readonly source: Pick<Source, 'open'>;
  readonly batchMax: number;
  /** How long an idle task waits before an empty commit, in milliseconds. */
  readonly idleMs?: number;
  /** How long a non-empty batch waits for more records, in milliseconds; read before each batch. */
  lingerMs(): number;
  claim(): Promise<Claim | null>;
  /**
   * Opens the dependencies, which fences a former owner's sink. Comes before the claim: the last to open and the last to
   * claim may be two owners, but then neither emits what the other has superseded.
   */
  open(): Promise<Opened<Input>>;
  /** Receives every batch, committed or not. */
  observe(processed: Processed): void;
  onRolledBack(): void;
  /** Receives the positions after a batch; by topic, the known lag and the offsets that open transactions hold back. */
  onProgress(positions: Positions, lag: readonly number[], heldBack: readonly number[]): void;
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
      const end = await runClaimed(task, opened, claim, stopping);
      if (end !== 'rolled-back') return end;
      task.onRolledBack();
    } finally {
      await opened.close();
    }
  }
  return 'stopped';
}

async function runClaimed<Input>(
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
  const runCommands = async (commands: AsyncIterable<Projected>): Promise<BatchOutcome> => {
    for await (const effects of commands) {
      const outcome = observed(await commitCommand(deps, ownership, effects));
      if (outcome !== 'committed') return outcome;
    }
    return 'committed';
  };
  let inbox: Inbox | null = null;
  try {
    let outcome = await runCommands(deps.onClaim(ownership, claim));
    if (outcome !== 'committed') return outcome;
    inbox = await task.source.open(task.partition, ownership.positions);
    stopping.closeInbox = inbox.close;
    if (stopping.requested) inbox.close();
    for (;;) {
      // The batch is passed on at once, so that its records can be freed once they are decoded.
      const processed = await inbox
        .take({ max: task.batchMax, lingerMs: task.lingerMs(), idleMs: task.idleMs ?? IDLE_MS })
        .then((batch) =>
          batch === null ? null : tracedBatch(task, batch, () => processBatch(deps, ownership, batch)),
        );
      if (processed === null) return await release(deps, ownership, hasOutbox);
      outcome = observed(processed);
      if (outcome === 'committed') outcome = await runCommands(deps.afterCommit(ownership, inbox.caughtUp()));
      if (outcome !== 'committed') return outcome;
      task.onProgress(ownership.positions, inbox.lag(), inbox.heldBack());
    }
  } catch (error) {
    if (!(error instanceof Interrupted || error instanceof NotOwned)) throw error;
    return observed({ ...NOTHING, ownership, outcome: error.outcome }) as Exclude<BatchOutcome, 'committed'>;
  } finally {
    inbox?.close();
  }
}

/** Thrown by an internal command whose records were not acknowledged: the claim ends with that outcome. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly outcome: Exclude<TransactionOutcome, 'acknowledged'>;

  constructor(outcome: Exclude<TransactionOutcome, 'acknowledged'>) {
    super(`the records of an internal command were not acknowledged: ${outcome}`);
    this.outcome = outcome;
  }
}

const NOTHING = { folded: 0, rejected: [], outgoing: [] } as const;

function commitCommand<Input>(
  deps: Opened<Input>,
  ownership: TaskOwnership,
  effects: Projected,
): Promise<Processed> {
  return commitEffects(deps, { ...NOTHING, ownership }, effects, ownership.positions);
}

function resumeFrom<Input>(deps: Opened<Input>, claim: Claim): TaskOwnership {
  const emitted = deps.drain(claim);
  emitted.catch(() => undefined);
  return { epoch: claim.epoch, sequence: claim.sequence, positions: claim.positions, emitted };
}

/** Clears the outbox once it is acknowledged, so that the next owner does not emit it again. */
async function release<Input>(
  deps: Opened<Input>,
  ownership: TaskOwnership,
  hasOutbox: boolean,
): Promise<'fenced' | 'stopped'> {
  const outcome = hasOutbox
    ? (await commitCommand(deps, ownership, { writes: [], outgoing: [] })).outcome
    : await ownership.emitted;
  return outcome === 'fenced' ? 'fenced' : 'stopped';
}
