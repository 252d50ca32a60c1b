import type { Kafka } from 'kafkajs';
import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError, isRefusal, isRetriable } from '../base/errors';
import { coPartitions, heldPositions, watchPartitions } from '../log/copartition';
import { startFetcher } from './fetcher.kafka';
import { type GroupLimits, joinGroup, type Membership } from './group.kafka';
import { strangersAmong } from '../log/groups';
import { kafkaGroups } from './groups.kafka';
import { openInbox } from '../log/inbox';
import { type InboxLimits, partitionQueue } from './partition-buffer.kafka';
import type { Inbox, Positions, Source } from '../log/source';
import type { FetchLimits } from './requests.kafka';
import { openCluster, type KafkaCluster } from './cluster.kafka';

/** All times in milliseconds, all sizes in bytes. */
export interface SourceLimits {
  readonly group: GroupLimits;
  readonly fetch: FetchLimits;
  readonly inbox: InboxLimits;
  /** Between two checks that the topics are still co-partitioned. */
  readonly checkEveryMs: number;
  /** Between two commits of the same partition's group offsets. */
  readonly commitEveryMs: number;
  readonly stopWithinMs: number;
}

export const SOURCE_LIMITS: SourceLimits = {
  group: {
    sessionTimeoutMs: 30_000,
    heartbeatIntervalMs: 3_000,
    rebalanceTimeoutMs: 10_000,
    backoffMs: { least: 100, most: 500 },
  },
  fetch: { maxWaitMs: 100, maxBytes: 4 << 20, maxBytesPerPartition: 256 << 10, maxBatchBytes: 64 << 20 },
  inbox: { records: 8_000, bytes: 1 << 20, bytesInAll: 24 << 20 },
  checkEveryMs: 30_000,
  commitEveryMs: 5_000,
  stopWithinMs: 4_000,
};

/** Who asks Kafka. */
type Part = 'group' | 'fetch';

export interface KafkaSourceOptions {
  readonly kafka: Kafka;
  /** The log's own names, with the tenant's prefix. */
  readonly topics: readonly string[];
  /** Null: there is no group, and all partitions are this member's. */
  readonly groupId: string | null;
  readonly clock: Clock;
  readonly limits?: SourceLimits;
  /** Kafka does not answer; the source goes on trying. May come again before `onRecovered`. */
  onOutage?(error: unknown): void;
  /** Kafka answers again. Comes once after one or more `onOutage`. */
  onRecovered?(): void;
}

/**
 * A source on Kafka. The group only says which partitions are whose; records are fetched by positions alone, so a
 * position that the log does not hold is never passed over, and no group offset is ever read.
 */
export function kafkaSource(options: KafkaSourceOptions): Source {
  const { kafka, topics, groupId, clock, limits = SOURCE_LIMITS } = options;
  const wire = openCluster(kafka);
  let refused = (_: unknown): void => undefined;
  const outage = outageOf(['group', 'fetch'], options, (error) => refused(error));
  const reading = readPartitions(wire, topics, clock, limits, outage);
  const stopping = new AbortController();
  let membership: Membership | null = null;
  let stopped: Promise<void> | null = null;
  const progress = progressNotes(clock, limits.commitEveryMs, async (partition, positions) =>
    membership?.commit(partition, positions),
  );
  const checkedCount = async (): Promise<number> => {
    const counts = await wire.partitionCounts(topics);
    return coPartitions(topics.map((topic, index) => [topic, counts[index] ?? null]));
  };

  return {
    partitions: checkedCount,
    async start({ onAssigned, onFailed, onStrangers = () => undefined }) {
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
          void lookForStrangers(options, groupId, onStrangers);
        },
        onOutage: (error) => keptOut(error, groupId, outage, onStrangers),
        onAnswer: () => outage.ended('group'),
      });
    },
    async open(partition, positions, until) {
      heldPositions(topics, partition, positions, await wire.watermarks(topics, partition));
      return reading.open(partition, positions, until);
    },
    watermarks: (partition) => wire.watermarks(topics, partition),
    noteProgress: progress.note,
    stop() {
      stopping.abort();
      reading.close();
      stopped ??= disconnect(clock, limits.stopWithinMs, wire, progress, membership);
      return stopped;
    },
  };
}

/** The partitions owned, and the inboxes of those that are open. */
interface Reading {
  /** From now on these are owned; the inboxes of all others are closed. */
  keep(owned: readonly number[]): void;
  /** The inbox of a partition that is not owned, or no longer, is closed from the beginning. */
  open(partition: number, positions: Positions, until?: () => Positions): Inbox;
  /** Nothing is owned and nothing is fetched any more. */
  close(): void;
}

function readPartitions(
  wire: KafkaCluster,
  topics: readonly string[],
  clock: Clock,
  limits: SourceLimits,
  outage: Outage,
): Reading {
  const inboxes = new Map<number, Inbox>();
  const held = { bytes: 0 };
  let owned: readonly number[] = [];
  const fetcher = startFetcher({
    wire,
    clock,
    limits: limits.fetch,
    backoffMs: limits.group.backoffMs,
    onOutage: (error) => outage.began('fetch', error),
    onAnswer: () => outage.ended('fetch'),
  });
  const keep = (partitions: readonly number[]): void => {
    owned = partitions;
    for (const [partition, inbox] of inboxes) if (!owned.includes(partition)) inbox.close();
  };

  return {
    keep,
    open(partition, positions, until) {
      inboxes.get(partition)?.close();
      const queue = partitionQueue({
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
        queue.drop();
        fetcher.remove(queue.targets);
        if (inboxes.get(partition) === inbox) inboxes.delete(partition);
        fetcher.wake(); // what it held may have kept others waiting for room
      };
      const inbox = openInbox(clock, { ...queue, drop });
      if (owned.includes(partition)) {
        inboxes.set(partition, inbox);
        fetcher.add(queue.targets);
      } else inbox.close();
      return inbox;
    },
    close() {
      keep([]);
      fetcher.close();
    },
  };
}

/** Keeps the last position of each partition and commits it at most once in a while. */
function progressNotes(
  clock: Clock,
  everyMs: number,
  commit: (partition: number, positions: Positions) => Promise<unknown>,
) {
  const noted = new Map<number, Positions>();
  let due = clock.monotonic() + everyMs;
  const flush = async (): Promise<void> => {
    const notes = [...noted];
    noted.clear();
    // Only lag tools look at these: a commit that fails is followed by another.
    for (const [partition, positions] of notes) await commit(partition, positions).catch(() => undefined);
  };
  return {
    note(partition: number, positions: Positions): void {
      noted.set(partition, positions);
      if (clock.monotonic() < due) return;
      due = clock.monotonic() + everyMs;
      void flush();
    },
    flush,
  };
}

async function disconnect(
  clock: Clock,
  withinMs: number,
  wire: KafkaCluster,
  progress: { flush(): Promise<void> },
  membership: Membership | null,
): Promise<void> {
  const timer = new AbortController();
  const leave = async (): Promise<void> => {
    await Promise.race([progress.flush(), clock.sleep(withinMs / 4, timer.signal)]);
    await membership?.leave(withinMs / 2);
    await wire.close().catch(() => undefined);
  };
  await Promise.race([leave(), clock.sleep(withinMs, timer.signal)]);
  timer.abort();
}

/** Looks who is in the group. Whoever joins or leaves makes all members join again, so one look at each join is enough. */
async function lookForStrangers(
  { kafka, topics }: Pick<KafkaSourceOptions, 'kafka' | 'topics'>,
  groupId: string,
  onStrangers: (found: EfsError | null) => void,
): Promise<void> {
  const members = await kafkaGroups(kafka)
    .members(groupId)
    .catch(() => null);
  if (members !== null) onStrangers(strangersAmong(groupId, members, topics));
}

/** What keeps this member out of the group: others who are in it, or an outage. */
function keptOut(
  error: unknown,
  groupId: string,
  outage: Outage,
  onStrangers: (found: EfsError) => void,
): void {
  if (!(error instanceof EfsError) || error.code !== 'group-shared') return outage.began('group', error);
  outage.ended('group');
  onStrangers(new EfsError(error.code, `consumer group ${groupId}: ${error.message}`, { cause: error }));
}

interface Outage {
  began(part: Part, error: unknown): void;
  ended(part: Part): void;
}

/** Joins the outages of several parts into one: begins with the first, ends with the last. A refusal is none. */
function outageOf(
  parts: readonly Part[],
  listener: { onOutage?(error: unknown): void; onRecovered?(): void },
  onRefused: (error: unknown) => void,
): Outage {
  const out = new Map(parts.map((part) => [part, false]));
  return {
    began(part, error) {
      if (isRefusal(error)) return onRefused(error);
      out.set(part, true);
      listener.onOutage?.(asOutage(error));
    },
    ended(part) {
      const was = must(out.get(part), 'a known part');
      out.set(part, false);
      if (was && ![...out.values()].includes(true)) listener.onRecovered?.();
    },
  };
}

/**
 * Whatever the source waits out is an outage of Kafka, also what has another name: a coordinator that falls silent, or a
 * broker that does not know yet, or no longer, what another one has told.
 */
function asOutage(error: unknown): unknown {
  if (isRetriable(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EfsError('kafka-unavailable', message, { cause: error });
}
