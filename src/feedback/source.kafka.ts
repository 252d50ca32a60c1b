import type { Kafka } from 'kafkajs';
import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError, isRetriable } from '../base/errors';
import { coPartitions, heldPositions } from './copartition';
import { type Fetcher, startFetcher } from './fetcher.kafka';
import { type GroupLimits, joinGroup, type Membership } from './group.kafka';
import { openInbox, type WokenInbox } from './inbox';
import { type InboxLimits, partitionQueue, type PartitionQueue } from './queue.kafka';
import type { Positions, Source } from './source';
import { type FetchLimits, openWire, type Wire } from './wire.kafka';

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
    rebalanceTimeoutMs: 20_000,
    silenceMs: 35_000,
    backoffMs: { least: 250, most: 10_000 },
  },
  fetch: { maxWaitMs: 100, maxBytes: 4 << 20, maxBytesPerPartition: 256 << 10 },
  inbox: { records: 8_000, bytes: 1 << 20, bytesInAll: 24 << 20 },
  checkEveryMs: 30_000,
  commitEveryMs: 5_000,
  stopWithinMs: 4_000,
};

export interface KafkaSourceOptions {
  readonly kafka: Kafka;
  /** The log's own names, with the tenant's prefix. */
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly clock: Clock;
  readonly limits?: SourceLimits;
  /** Kafka does not answer; the source goes on trying. May come again before `onRecovered`. */
  onOutage?(error: unknown): void;
  /** Kafka answers again. Comes once after one or more `onOutage`. */
  onRecovered?(): void;
}

interface OpenPartition {
  readonly inbox: WokenInbox;
  readonly queue: PartitionQueue;
}

/**
 * A source on Kafka. The group only says which partitions are whose; records are fetched by positions alone, so a
 * position that the log does not hold is never passed over, and no group offset is ever read.
 */
export function kafkaSource(options: KafkaSourceOptions): Source {
  const { kafka, topics, groupId, clock, limits = SOURCE_LIMITS } = options;
  const wire = openWire(kafka);
  const outage = outageOf(['group', 'fetch'], options);
  const open = new Map<number, OpenPartition>();
  const stopping = new AbortController();
  const held = { bytes: 0 };
  let assigned: readonly number[] = [];
  let membership: Membership | null = null;
  let stopped: Promise<void> | null = null;
  const fetcher = startFetcher({
    wire,
    clock,
    limits: limits.fetch,
    backoffMs: limits.group.backoffMs,
    onOutage: (error) => outage.began('fetch', error),
    onAnswer: () => outage.ended('fetch'),
  });
  const close = (partition: number): void => closePartition(open, fetcher, partition);
  const progress = progressNotes(clock, limits.commitEveryMs, async (partition, positions) =>
    membership?.commit(partition, positions),
  );
  const checkedCount = async (): Promise<number> => {
    const counts = await wire.partitionCounts(topics);
    return coPartitions(topics.map((topic, index) => [topic, counts[index] ?? null]));
  };

  return {
    partitions: checkedCount,
    async start({ onAssigned, onFailed }) {
      const check = watchPartitions(checkedCount, {
        clock,
        everyMs: limits.checkEveryMs,
        stopping,
        onFailed,
      });
      membership = joinGroup({
        kafka,
        groupId,
        topics,
        clock,
        limits: limits.group,
        onAssigned(partitions) {
          if (stopping.signal.aborted) return;
          assigned = partitions;
          for (const partition of [...open.keys()]) if (!assigned.includes(partition)) close(partition);
          void check();
          onAssigned(assigned);
        },
        onOutage: (error) => outage.began('group', error),
        onRecovered: () => outage.ended('group'),
      });
    },
    async open(partition, positions) {
      heldPositions(topics, partition, positions, await wire.watermarks(topics, partition));
      close(partition);
      const opened = openPartition({
        topics,
        partition,
        positions,
        limits: limits.inbox,
        held,
        clock,
        fetcher,
      });
      if (assigned.includes(partition) && !stopping.signal.aborted) open.set(partition, opened);
      else {
        opened.inbox.close();
        fetcher.remove(opened.queue.lanes);
      }
      return opened.inbox;
    },
    watermarks: (partition) => wire.watermarks(topics, partition),
    noteProgress: progress.note,
    stop() {
      stopping.abort();
      for (const partition of [...open.keys()]) close(partition);
      fetcher.close();
      stopped ??= disconnect(clock, limits.stopWithinMs, wire, progress, membership);
      return stopped;
    },
  };
}

function openPartition(options: {
  topics: readonly string[];
  partition: number;
  positions: Positions;
  limits: InboxLimits;
  held: { bytes: number };
  clock: Clock;
  fetcher: Fetcher;
}): OpenPartition {
  const { clock, fetcher } = options;
  const queue = partitionQueue({
    ...options,
    onArrival: () => inbox.wake(),
    onRoom: () => fetcher.poke(),
  });
  const inbox = openInbox(clock, queue);
  fetcher.add(queue.lanes);
  return { inbox, queue };
}

function closePartition(open: Map<number, OpenPartition>, fetcher: Fetcher, partition: number): void {
  const opened = open.get(partition);
  if (opened === undefined) return;
  open.delete(partition);
  fetcher.remove(opened.queue.lanes);
  opened.inbox.close();
  fetcher.poke();
}

/** Checks now and then, and at every call of what it returns, that the topics still have equal partition counts. */
function watchPartitions(
  count: () => Promise<number>,
  ends: { clock: Clock; everyMs: number; stopping: AbortController; onFailed(error: unknown): void },
): () => Promise<void> {
  const { clock, everyMs, stopping, onFailed } = ends;
  let first: number | null = null;
  let failed = false;
  const check = async (): Promise<void> => {
    try {
      const now = await count();
      first ??= now;
      if (now === first) return;
      throw new EfsError('not-co-partitioned', `the topics had ${first} partitions, now they have ${now}`);
    } catch (error) {
      // Kafka away is an outage, and a topic that is not there may be one still being created: asked again.
      const final = error instanceof EfsError && error.code === 'not-co-partitioned';
      if (!final || failed || stopping.signal.aborted) return;
      failed = true;
      onFailed(error);
    }
  };
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await check();
      await clock.sleep(everyMs, stopping.signal);
    }
  };
  void watch();
  return check;
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
  wire: Wire,
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

/** Joins the outages of several parts into one: begins with the first, ends with the last. */
function outageOf<Part extends string>(
  parts: readonly Part[],
  listener: { onOutage?(error: unknown): void; onRecovered?(): void },
) {
  const out = new Map(parts.map((part) => [part, false]));
  return {
    began(part: Part, error: unknown): void {
      out.set(part, true);
      listener.onOutage?.(asOutage(error));
    },
    ended(part: Part): void {
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
