import { MESSAGE_STATUS_TOPIC, RELAYED_TOPIC } from '../feedback/topics';
import type { Checkpoint, OutgoingRecord } from '../log/sink';
import type { Committed, Positions } from '../log/source';
import type { CommitRef, Projected, TaskOwnership } from '../pipeline';
import { flagWrite, writing } from '../pipeline/effects';
import { LIVE_AS, readFlags } from '../pipeline/flags';
import { checkpointIn, checkpointOf, isLive, isPast, standingOf, unfinishedAt } from '../pipeline/publishing';
import { republishing } from '../pipeline/republish';
import type { StatusMemory } from '../pipeline/status';
import type { StatusRules } from '../pipeline/status-records';
import { unpackOutbox } from '../store/outbox';
import type { Claim } from '../store/store';
import { HOUR_MS } from '../base/time';
import { leftUntil } from './catch-up';
import { madeBefore, type OwnedTask } from './owned-task';
import { type Predecessor, predecessorOf } from './predecessor';

/*
 * When a status task publishes (publishing.ts). Contributions are absolute and carry a revision: they may be published again,
 * and need no checkpoint. The status of a message carries none, and the last record of a message must be true. So where they
 * are published, each of their transactions commits a checkpoint, under the first input.
 */

/** Records, and the checkpoint that is committed with them. */
interface Pending {
  readonly records: readonly OutgoingRecord[];
  readonly checkpoint: Checkpoint;
}

/** What a status task finds at its claim, and how it publishes from there on. */
export interface StatusPublishing {
  /**
   * What is to be emitted before anything else: records of the claimed outbox, and those that a predecessor left. With a
   * checkpoint in any case: its transaction proves that no other owner has opened the sink since.
   */
  pending(claim: Claim): Promise<Pending>;
  onClaim(ownership: TaskOwnership, claim: Claim): AsyncGenerator<Projected>;
  afterCommit(ownership: Pick<TaskOwnership, 'positions'>): AsyncGenerator<Projected>;
  /** The offsets at which a task that replays stops reading; undefined for any other. */
  until(): (() => Positions) | undefined;
  /** The checkpoint to be committed with the records of a commit, null where none is; now and then without any records. */
  checkpointOf(records: readonly OutgoingRecord[], made: CommitRef): Checkpoint | null;
}

/** Far less than the time for which Kafka keeps an offset that is not committed again (`offsets.retention.minutes`: 7 days). */
const CHECKPOINT_EVERY_MS = HOUR_MS;

/** What was published, as seen at a claim. */
interface Found {
  readonly liveAs: number | null;
  readonly standing: ReturnType<typeof standingOf>;
  readonly committed: Committed | null;
  readonly checkpoint: ReturnType<typeof checkpointIn>;
  /** What was published before this generation has published anything. */
  readonly predecessor: Predecessor | null;
}

const isChange = ({ topic }: OutgoingRecord): boolean => topic === MESSAGE_STATUS_TOPIC;

/** Compares a claimed state with what was published. */
async function foundAt({ deps, manifest, address, store, retry }: OwnedTask, claim: Claim): Promise<Found> {
  const { partition } = address;
  const [liveAs] = await readFlags(store, address, LIVE_AS);
  if (deps.wire.statusChanged === null)
    return { liveAs, standing: 'level', committed: null, checkpoint: null, predecessor: null };
  const topic = deps.topicPrefix + RELAYED_TOPIC;
  const committed = await retry(() => deps.committedOffset(deps.kpiGroup, topic, partition));
  const checkpoint = checkpointIn(committed);
  const standing = standingOf(manifest, claim, checkpoint);
  // One that was live has more than its predecessor to compare with, and that is lost.
  const compares = !isLive(manifest, liveAs) && liveAs !== 0;
  const predecessor = compares
    ? await retry(() => predecessorOf(deps.store, manifest, partition, checkpoint))
    : null;
  return { liveAs, standing, committed, checkpoint, predecessor };
}

/** What a claim emits first, given what it has found. */
function pendingAt({ deps, manifest, address }: OwnedTask, claim: Claim, found: Found): Pending {
  const at = { topic: RELAYED_TOPIC, partition: address.partition };
  const { liveAs, standing, committed, predecessor } = found;
  const records = unpackOutbox(claim.outbox);
  const own = checkpointOf(manifest, madeBefore(claim), at);
  const isNext = isLive(manifest, liveAs) && standing === 'level';
  if (deps.wire.statusChanged === null || isNext) return { records, checkpoint: own };
  // Its own changes were published long ago, or will be found when it resumes.
  const others = records.filter((record) => !isChange(record));
  if (predecessor === null)
    return { records: others, checkpoint: committed === null ? own : { ...committed, ...at } };
  const { left, manifest: former } = predecessor;
  const inherited = unpackOutbox(left.outbox).filter(isChange);
  return { records: [...inherited, ...others], checkpoint: checkpointOf(former, madeBefore(left), at) };
}

export function statusPublishing(own: OwnedTask, rules: StatusRules, memory: StatusMemory): StatusPublishing {
  const { deps, manifest, address, store, retry } = own;
  const { partition } = address;
  const publishesStatuses = rules.statusChanged !== null;
  const { clock } = deps.retryDeps;
  const at = { topic: RELAYED_TOPIC, partition };
  let replayed: Positions | null = null;
  let catchUpOffsets: Positions | null = null;
  let checkpointedAt = -Infinity;
  let found: Promise<Found> | null = null;

  /** Made once per claim: `pending` and `onClaim` call it concurrently. */
  const compare = (claim: Claim): Promise<Found> => (found ??= foundAt(own, claim));
  /** Makes a task live that has caught up. A candidate never is. */
  async function* resume({ positions }: Pick<TaskOwnership, 'positions'>): AsyncGenerator<Projected> {
    if (manifest.generation === 0) return;
    catchUpOffsets ??= (await retry(() => deps.sources.status.watermarks(partition))).map(({ high }) => high);
    if (!isPast(catchUpOffsets, positions)) return;
    const predecessor = (await found)?.predecessor?.manifest ?? null;
    yield* republishing({ rules, address, manifest, store, predecessor });
    memory.suppressed = false;
    checkpointedAt = -Infinity;
  }
  const noteLeft = (ownership: Pick<TaskOwnership, 'positions'>): void => {
    const left = memory.suppressed ? leftUntil(replayed ?? catchUpOffsets ?? [], ownership) : null;
    deps.catchUp.toFold(partition, left);
  };
  async function* afterCommit(ownership: Pick<TaskOwnership, 'positions'>): AsyncGenerator<Projected> {
    if (replayed !== null && isPast(replayed, ownership.positions)) {
      replayed = null;
      memory.suppressed = false;
    }
    if (memory.suppressed && replayed === null) yield* resume(ownership);
    noteLeft(ownership);
  }

  return {
    pending: async (claim) => pendingAt(own, claim, await compare(claim)),
    async *onClaim(ownership, claim) {
      const { liveAs, standing, checkpoint } = await compare(claim);
      const wasLive = isLive(manifest, liveAs);
      memory.suppressed = !wasLive || standing !== 'level';
      if (checkpoint?.stateId === manifest.stateId) checkpointedAt = clock.now();
      if (wasLive && standing === 'behind') replayed = checkpoint?.positions ?? null;
      if (wasLive && standing === 'apart') yield writing([flagWrite(LIVE_AS, 0)]);
      noteLeft(ownership);
    },
    afterCommit,
    until() {
      if (replayed === null) return undefined;
      const { length } = own.topics;
      const limited = replayed;
      return () =>
        Array.from({ length }, (_, topic) => (replayed === null ? Infinity : (limited[topic] ?? 0)));
    },
    checkpointOf(records, made) {
      const isDue = !memory.suppressed && checkpointedAt + CHECKPOINT_EVERY_MS <= clock.now();
      if (!publishesStatuses || (records.length === 0 && !isDue)) return null;
      if (memory.suppressed) return unfinishedAt(made, at);
      checkpointedAt = clock.now();
      return checkpointOf(manifest, made, at);
    },
  };
}
