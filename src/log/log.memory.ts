import { assert, must } from '../base/assert';
import { type Clock, systemClock } from '../base/clock';
import { assignPartitions } from './assigner';
import type { Committed, LogRecord, RecordHeader, Watermarks } from './source';

/** A record to append. */
export interface MemoryRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly RecordHeader[];
  /** Milliseconds since 1970; the clock's, where absent. */
  readonly timestamp?: number;
}

/** An offset of the log: a record or, as in Kafka, a marker or a hole that compaction left (`record` null). */
export interface MemoryEntry {
  readonly offset: number;
  /** Position in the order of arrival over all topics. */
  readonly sequence: number;
  readonly timestamp: number;
  readonly record: MemoryRecord | null;
}

interface PartitionLog {
  low: number;
  /** The entry of offset o is at index o − low. */
  entries: MemoryEntry[];
  readonly watchers: Set<() => void>;
}

interface GroupMember {
  readonly id: string;
  owned: readonly number[];
  readonly onAssigned: (partitions: readonly number[]) => void;
}

interface Group {
  generation: number;
  readonly partitions: number;
  members: GroupMember[];
}

/** The whole log at one moment, as plain values. They are shared with the log: to be used before the log changes. */
export interface LogSnapshot {
  readonly topics: ReadonlyMap<
    string,
    readonly { readonly low: number; readonly entries: readonly MemoryEntry[] }[]
  >;
  readonly epochs: ReadonlyMap<string, number>;
  readonly committed: ReadonlyMap<string, Committed>;
  readonly sequence: number;
  /** How many times each topic that was removed before has been created. */
  readonly creations: ReadonlyMap<string, number>;
}

/** A log in memory with Kafka's semantics: topics, partitions, retention, groups, fencing epochs. */
export interface MemoryLog {
  readonly clock: Clock;
  /** Creates a topic with its own number of partitions. Other topics are created at first use. */
  create(topic: string, partitions: number): void;
  /** Removes a topic; it is missing from now on. */
  remove(topic: string): void;
  /** Number of partitions, or null where the topic is missing. */
  partitions(topic: string): number | null;
  /** What identifies a topic until it is removed; null where it is missing. */
  topicId(topic: string): string | null;
  /** Appends and returns the offset. Throws where the partition does not exist. */
  append(topic: string, partition: number, record: MemoryRecord): number;
  /** Appends an offset without a record, as the end of a transaction does. */
  appendMarker(topic: string, partition: number): void;
  watermarks(topic: string, partition: number): Watermarks;
  /** The entry at an offset; null below the low and from the high watermark on. */
  entry(topic: string, partition: number, offset: number): MemoryEntry | null;
  /** Retention: offsets below `low` are gone. */
  raiseLow(topic: string, partition: number, low: number): void;
  /** Compaction: keeps only the last record of each key; offsets do not change. */
  compact(topic: string, partition: number): void;
  /** Calls `onChange` after every change of the partition, until the returned function is called. */
  watch(topic: string, partition: number, onChange: () => void): () => void;
  /** Joins a group that shares `partitions` partitions; returns the function that leaves it. */
  join(groupId: string, partitions: number, onAssigned: (partitions: readonly number[]) => void): () => void;
  /** Raises and returns the epoch of a name; a lower one is fenced. */
  raiseEpoch(name: string): number;
  epoch(name: string): number;
  commit(groupId: string, topic: string, partition: number, committed: Committed): void;
  committed(groupId: string, topic: string, partition: number): Committed | null;
  snapshot(): LogSnapshot;
}

/**
 * `partitions` is the count of every topic that `create` was not called for. Deterministic: the same calls give the same
 * log. `restored` is its initial content.
 */
export function memoryLog(options: {
  readonly partitions: number;
  readonly clock?: Clock;
  readonly restored?: LogSnapshot;
}): MemoryLog {
  const clock = options.clock ?? systemClock;
  const { restored } = options;
  const topics = topicTable(options.partitions, restored);
  const epochs = new Map<string, number>(restored?.epochs);
  const committed = new Map<string, Committed>(restored?.committed);
  let sequence = restored?.sequence ?? 0;

  const push = (topic: string, partition: number, record: MemoryRecord | null): number => {
    const log = topics.at(topic, partition);
    const offset = log.low + log.entries.length;
    const timestamp = record?.timestamp ?? clock.now();
    log.entries.push({ offset, sequence: sequence++, timestamp, record });
    notify(log);
    return offset;
  };

  return {
    clock,
    ...topics,
    append: push,
    appendMarker: (topic, partition) => void push(topic, partition, null),
    watermarks: (topic, partition) => watermarksOf(topics.at(topic, partition)),
    entry(topic, partition, offset) {
      const log = topics.at(topic, partition);
      return log.entries[offset - log.low] ?? null;
    },
    raiseLow: (topic, partition, low) => raiseLow(topics.at(topic, partition), low),
    compact: (topic, partition) => compact(topics.at(topic, partition)),
    watch(topic, partition, onChange) {
      const { watchers } = topics.at(topic, partition);
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
    join: memoryGroups(),
    raiseEpoch(name) {
      const raised = (epochs.get(name) ?? 0) + 1;
      epochs.set(name, raised);
      return raised;
    },
    epoch: (name) => epochs.get(name) ?? 0,
    commit: (groupId, topic, partition, offset) =>
      void committed.set([groupId, topic, partition].join('\n'), offset),
    committed: (groupId, topic, partition) => committed.get([groupId, topic, partition].join('\n')) ?? null,
    snapshot: () => ({ ...topics.snapshot(), epochs, committed, sequence }),
  };
}

/** The record of an entry as a reader gets it, or null where the offset has none. */
export function recordOf(entry: MemoryEntry, topic: number, partition: number): LogRecord | null {
  const { record, offset, timestamp } = entry;
  if (record === null) return null;
  const headers = record.headers ?? [];
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: record.key,
    value: record.value,
    headerCount: headers.length,
    headers: () => headers,
  };
}

function topicTable(
  defaultPartitions: number,
  restored?: Pick<LogSnapshot, 'topics' | 'creations'>,
): Pick<MemoryLog, 'create' | 'remove' | 'partitions' | 'topicId'> & {
  at(topic: string, partition: number): PartitionLog;
  snapshot(): Pick<LogSnapshot, 'topics' | 'creations'>;
} {
  const creations = new Map<string, number>(restored?.creations);
  const topics = new Map<string, PartitionLog[] | null>();
  for (const [topic, partitions] of restored?.topics ?? [])
    topics.set(
      topic,
      partitions.map(({ low, entries }) => ({ low, entries: [...entries], watchers: new Set() })),
    );
  const create = (topic: string, partitions: number): void => {
    const empty = (): PartitionLog => ({ low: 0, entries: [], watchers: new Set() });
    const existing = topics.get(topic) ?? [];
    topics.set(
      topic,
      Array.from({ length: partitions }, (_, partition) => existing[partition] ?? empty()),
    );
  };
  const find = (topic: string): PartitionLog[] | null => {
    if (!topics.has(topic)) create(topic, defaultPartitions);
    return topics.get(topic) ?? null;
  };
  return {
    create,
    remove(topic) {
      topics.set(topic, null);
      creations.set(topic, (creations.get(topic) ?? 1) + 1);
    },
    topicId: (topic) => (find(topic) === null ? null : `${topic}#${creations.get(topic) ?? 1}`),
    partitions: (topic) => find(topic)?.length ?? null,
    snapshot: () => ({
      creations,
      topics: new Map(
        [...topics].flatMap(([topic, partitions]) =>
          partitions === null ? [] : [[topic, partitions.map(({ low, entries }) => ({ low, entries }))]],
        ),
      ),
    }),
    at: (topic, partition) => must(find(topic)?.[partition], `no partition ${partition} of topic ${topic}`),
  };
}

function memoryGroups(): MemoryLog['join'] {
  const groups = new Map<string, Group>();
  let joined = 0;

  const rebalance = (group: Group): void => {
    const members = group.members.map(({ id, owned }) => ({ id, owned, generation: group.generation }));
    group.generation++;
    for (const [id, owned] of assignPartitions(members, group.partitions)) {
      const member = must(
        group.members.find((candidate) => candidate.id === id),
        'only members are assigned partitions',
      );
      member.owned = owned;
      queueMicrotask(() => {
        if (group.members.includes(member)) member.onAssigned(member.owned);
      });
    }
  };

  return (groupId, partitions, onAssigned) => {
    const group = groups.get(groupId) ?? { generation: 0, partitions, members: [] };
    groups.set(groupId, group);
    const member: GroupMember = {
      id: `${groupId}-${String(++joined).padStart(6, '0')}`,
      owned: [],
      onAssigned,
    };
    group.members.push(member);
    rebalance(group);
    return () => {
      if (!group.members.includes(member)) return;
      group.members = group.members.filter((other) => other !== member);
      rebalance(group);
    };
  };
}

function watermarksOf(log: PartitionLog): Watermarks {
  return { low: log.low, high: log.low + log.entries.length };
}

function raiseLow(log: PartitionLog, low: number): void {
  assert(
    low >= log.low && low <= watermarksOf(log).high,
    'retention only raises the low watermark, at most to the end',
  );
  log.entries = log.entries.slice(low - log.low);
  log.low = low;
  notify(log);
}

function compact(log: PartitionLog): void {
  const last = new Map<string, number>();
  for (const { record, offset } of log.entries) {
    if (record?.key) last.set(record.key.toString('hex'), offset);
  }
  log.entries = log.entries.map((entry) => {
    const key = entry.record?.key?.toString('hex');
    return key === undefined || last.get(key) === entry.offset ? entry : { ...entry, record: null };
  });
  notify(log);
}

function notify(log: PartitionLog): void {
  for (const watcher of [...log.watchers]) watcher();
}
