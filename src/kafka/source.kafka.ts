import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import { EfsError, isRefusal, isRetriable } from '../base/errors';
import { coPartitions, heldPositions, watchPartitions } from '../log/copartition';
import { startFetcher } from './fetcher.kafka';
import { type GroupLimits, joinGroup, type Membership } from './group.kafka';
import { foreignMembers } from '../log/groups';
import { kafkaGroups } from './groups.kafka';
import { openInbox } from '../log/inbox';
import { type InboxLimits, partitionBuffer } from './partition-buffer.kafka';
import type { Inbox, Positions, Source } from '../log/source';
import { type ProgressCommits, progressCommits } from './progress';
import type { FetchLimits } from './requests.kafka';
import { openCluster, type KafkaCluster } from './cluster.kafka';

/** All times in milliseconds, all sizes in bytes. */
export interface SourceLimits {
  readonly group: GroupLimits;
  readonly fetch: FetchLimits;
  readonly inbox: InboxLimits;
  /** Interval of the check that the topics are still co-partitioned. */
  readonly checkEveryMs: number;
  /** Longest time from a position to its commit as the group's offset. */
  readonly commitEveryMs: number;
  readonly stopWithinMs: number;
}

export const SOURCE_LIMITS: SourceLimits = {
  group: {
    sessionTimeoutMs: 30_000,
    heartbeatIntervalMs: 3_000,
    rebalanceTimeoutMs: 10_000,
  },
  fetch: { maxWaitMs: 100, maxBytes: 1 << 20, maxBytesPerPartition: 256 << 10, maxBatchBytes: 64 << 20 },
  inbox: { records: 8_000, bytes: 1 << 20, bytesInAll: 24 << 20 },
  checkEveryMs: 30_000,
  commitEveryMs: 5_000,
  stopWithinMs: 4_000,
};

export interface KafkaSourceOptions {
  readonly kafka: Kafka;
  /** The log's names, with the tenant's prefix. */
  readonly topics: readonly string[];
  /** Null: no group; the source owns all partitions. */
  readonly groupId: string | null;
  readonly clock: Clock;
  readonly limits?: SourceLimits;
  /** Gets the outages, through which the source retries, of each of its parts: the group, and the fetches. */
  readonly outages?: {
    failed(party: unknown, error: unknown): void;
    answered(party: unknown): void;
  };
}

/** A part of a source that waits for Kafka. */
interface Party {
  failed(error: unknown): void;
  answered(): void;
}

/** A part of a source, whose outages are told apart from those of others. `onRefused` receives what is not an outage. */
function partyOf(
  name: string,
  { outages }: Pick<KafkaSourceOptions, 'outages'>,
  onRefused: (error: unknown) => void,
): Party {
  const party = Symbol(name);
  return {
    failed: (error) => (isRefusal(error) ? onRefused(error) : outages?.failed(party, asOutage(error))),
    answered: () => outages?.answered(party),
  };
}

/**
 * A source on Kafka. The group only assigns partitions; records are fetched by positions alone, so a position that the
 * log does not hold is never skipped, and no group offset is ever read.
 */
export function kafkaSource(options: KafkaSourceOptions): Source {
  const { kafka, topics, groupId, clock, limits = SOURCE_LIMITS } = options;
  const cluster = openCluster(kafka);
  let refused = (_: unknown): void => undefined;
  const onRefused = (error: unknown): void => refused(error);
  const group = partyOf('group', options, onRefused);
  const reading = readPartitions(cluster, topics, clock, limits, partyOf('fetch', options, onRefused));
  const stopping = new AbortController();
  let membership: Membership | null = null;
  let stopped: Promise<void> | null = null;
  const progress = progressCommits(
    { clock, everyMs: limits.commitEveryMs, signal: stopping.signal },
    async (partition, positions) => membership?.commit(partition, positions),
  );
  const checkedCount = async (): Promise<number> => {
    const counts = await cluster.partitionCounts(topics);
    return coPartitions(topics.map((topic, index) => [topic, counts[index] ?? null]));
  };

  return {
    partitions: checkedCount,
    async start({ onAssigned, onFailed, onForeignMembers = () => undefined }) {
      if (stopping.signal.aborted) return;
      refused = (error) => !stopping.signal.aborted && onFailed(error);
      const check = watchPartitions(checkedCount, {
        clock,
        everyMs: limits.checkEveryMs,
        stopping,
        onFailed,
      });
      if (groupId === null) {
        const all = Array.from({ length: await checkedCount() }, (_, partition) => partition);
        reading.keep(all);
        return onAssigned(all);
      }
      membership = joinGroup({
        kafka,
        groupId,
        topics,
        clock,
        limits: limits.group,
        onAssigned(partitions) {
          if (stopping.signal.aborted) return;
          reading.keep(partitions);
          void check();
          onAssigned(partitions);
          void checkForStrangers(options, groupId, onForeignMembers);
        },
        onOutage: (error) => onJoinFailed(error, groupId, group, onForeignMembers),
        onAnswer: group.answered,
      });
    },
    async open(partition, positions, until) {
      const held = await cluster.watermarks(topics, partition);
      return reading.open(partition, heldPositions(topics, partition, positions, held), until);
    },
    watermarks: (partition) => cluster.watermarks(topics, partition),
    commitProgress: progress.record,
    stop() {
      stopping.abort();
      reading.close();
      stopped ??= disconnect(clock, limits.stopWithinMs, cluster, progress, membership);
      return stopped;
    },
  };
}

/** The owned partitions, and the open inboxes among them. */
interface Reading {
  /** Replaces the owned partitions; closes the inboxes of all others. */
  keep(owned: readonly number[]): void;
  /** Opens an inbox; that of a partition that is not owned is closed from the beginning. */
  open(partition: number, positions: Positions, until?: () => Positions): Inbox;
  /** Releases all partitions and stops fetching. */
  close(): void;
}

function readPartitions(
  cluster: KafkaCluster,
  topics: readonly string[],
  clock: Clock,
  limits: SourceLimits,
  party: Party,
): Reading {
  const inboxes = new Map<number, Inbox>();
  const held = { bytes: 0 };
  let owned: readonly number[] = [];
  const fetcher = startFetcher({
    cluster,
    clock,
    limits: limits.fetch,
    onOutage: party.failed,
    onAnswer: party.answered,
  });
  const keep = (partitions: readonly number[]): void => {
    owned = partitions;
    for (const [partition, inbox] of inboxes) if (!owned.includes(partition)) inbox.close();
  };

  return {
    keep,
    open(partition, positions, until) {
      inboxes.get(partition)?.close();
      const buffer = partitionBuffer({
        topics,
        partition,
        positions,
        limits: limits.inbox,
        held,
        until,
        onArrival: () => inbox.wake(),
        onRoom: () => fetcher.wake(),
      });
      const drop = (): void => {
        buffer.drop();
        fetcher.remove(buffer.targets);
        if (inboxes.get(partition) === inbox) inboxes.delete(partition);
        fetcher.wake(); // the bytes it frees may give others room
      };
      const inbox = openInbox(clock, { ...buffer, drop });
      if (owned.includes(partition)) {
        inboxes.set(partition, inbox);
        fetcher.add(buffer.targets);
      } else inbox.close();
      return inbox;
    },
    close() {
      keep([]);
      fetcher.close();
    },
  };
}

async function disconnect(
  clock: Clock,
  withinMs: number,
  cluster: KafkaCluster,
  progress: ProgressCommits,
  membership: Membership | null,
): Promise<void> {
  const timer = new AbortController();
  const leave = async (): Promise<void> => {
    await Promise.race([progress.flush(), clock.sleep(withinMs / 4, timer.signal)]);
    await membership?.leave(withinMs / 2);
    await cluster.close();
  };
  await Promise.race([leave(), clock.sleep(withinMs, timer.signal)]);
  timer.abort();
}

/** Lists the group's members. Each change of members makes all join again, so one check at each join is enough. */
async function checkForStrangers(
  { kafka, topics }: Pick<KafkaSourceOptions, 'kafka' | 'topics'>,
  groupId: string,
  onForeignMembers: (found: EfsError | null) => void,
): Promise<void> {
  const members = await kafkaGroups(kafka)
    .members(groupId)
    .catch(() => null);
  if (members !== null) onForeignMembers(foreignMembers(groupId, members, topics));
}

/** Reports why this member is not in the group: other programs' members, or an outage. */
function onJoinFailed(
  error: unknown,
  groupId: string,
  group: Party,
  onForeignMembers: (found: EfsError) => void,
): void {
  if (!(error instanceof EfsError) || error.code !== 'group-shared') return group.failed(error);
  group.answered();
  onForeignMembers(new EfsError(error.code, `consumer group ${groupId}: ${error.message}`, { cause: error }));
}

/**
 * Every failure that the source waits out is an outage of Kafka, also under another code: a coordinator that does not
 * answer, or a broker whose metadata is stale.
 */
function asOutage(error: unknown): unknown {
  if (isRetriable(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EfsError('kafka-unavailable', message, { cause: error });
}
