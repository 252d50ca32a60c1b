import type { Checkpoint } from '../log/sink';
import type { Committed, Positions } from '../log/source';
import type { CommitRef } from '../pipeline';
import type { Claim, Manifest } from '../store/store';

/*
 * When a task publishes. Its state is one of these, decided at each claim:
 *
 *   suppressed   a candidate; and a generation with a predecessor, until the task has folded what that had folded: up to the
 *                ends of its inputs after the predecessor has ended (its catch-up offsets). Then the task publishes what
 *                differs from what was published last, sets its flag (`LIVE_AS`), and is live.
 *   replaying    a live status task that stands behind its publish checkpoint: the store has come back older. It folds up to
 *                exactly the checkpoint, publishes nothing, and is live again: its state there is the one that has published.
 *   live         what it folds is published.
 *   superseded   another state has published what this one lacks: records of a later generation number, or beyond a barrier of
 *                this one (`SupersededGenerationError`). The generation is lost.
 *
 *                                   caught up
 *        ┌─ candidate, cut-over ─> suppressed ──> live ──┐ behind its checkpoint
 *   claim                             ^            ^     v
 *        └─ first generation ─────────┼────────> replaying
 *                                     └─ apart from its checkpoint: another state has published
 *
 * The checkpoint is kept in Kafka, outside of the store: the transaction that publishes records commits it with them.
 */

/** The position and the owner of the commit whose records were published last, in the state with this id. */
export interface PublishCheckpoint {
  readonly stateId: number;
  readonly epoch: number;
  readonly positions: Positions;
}

/** The checkpoint as it is committed with the records of a commit, under the offset of the task's first topic. */
export function checkpointOf(
  { stateId }: Pick<Manifest, 'stateId'>,
  { epoch, positions: [offset = 0, ...others] }: CommitRef,
  at: Pick<Checkpoint, 'topic' | 'partition'>,
): Checkpoint {
  const rest = others.length === 0 ? '' : `/${others.join()}`;
  return { ...at, offset, metadata: `${stateId}/${epoch}${rest}` };
}

/**
 * The checkpoint of records that are published while a task becomes live: every state is apart from it, so a claim that finds it
 * publishes all of them once more.
 */
export const unfinishedAt = (made: CommitRef, at: Pick<Checkpoint, 'topic' | 'partition'>): Checkpoint =>
  checkpointOf({ stateId: 0 }, { ...made, epoch: 0 }, at);

/** Inverse of `checkpointOf`; null without one. */
export function checkpointIn(committed: Committed | null): PublishCheckpoint | null {
  if (committed === null) return null;
  const [stateId = '', epoch = '', others = ''] = committed.metadata.split('/');
  const rest = others === '' ? [] : others.split(',').map(Number);
  return { stateId: Number(stateId), epoch: Number(epoch), positions: [committed.offset, ...rest] };
}

/**
 * How a claimed state stands to what was published:
 *
 * - `level`: it contains the commit whose records were published last, and its outbox may hold what follows.
 * - `behind`: the state at the checkpoint follows from it, by folding up to there.
 * - `apart`: it does not: another state has published, or this one has returned from another course of events.
 */
export type Standing = 'level' | 'behind' | 'apart';

export function standingOf(
  { stateId }: Pick<Manifest, 'stateId'>,
  { positions, committedBy }: Pick<Claim, 'positions' | 'committedBy'>,
  checkpoint: PublishCheckpoint | null,
): Standing {
  if (checkpoint === null) return 'level';
  if (checkpoint.stateId !== stateId) return 'apart';
  if (isPast(checkpoint.positions, positions) && checkpoint.epoch <= committedBy) return 'level';
  return isPast(positions, checkpoint.positions) ? 'behind' : 'apart';
}

/** Whether each position has reached an offset. */
export function isPast(offsets: Positions, positions: Positions): boolean {
  return offsets.every((target, topic) => (positions[topic] ?? 0) >= target);
}

/** Whether a generation has a predecessor, whose published records its own must not contradict. The first has none. */
export const hasPredecessor = ({ generation }: Pick<Manifest, 'generation'>): boolean => generation !== 1;

/** Whether a task may publish, given its flag `LIVE_AS`. */
export function isLive(manifest: Pick<Manifest, 'generation'>, liveAs: number | null): boolean {
  const { generation } = manifest;
  return liveAs === null ? !hasPredecessor(manifest) : generation > 0 && liveAs >= generation;
}
