import { must } from '../base/assert';
import { aborted } from '../base/clock';
import { EfsError } from '../base/errors';
import { coPartitions, heldPositions, lostPosition } from './copartition';
import { openInbox, type BufferedRecords, type WokenInbox } from './inbox';
import { type MemoryLog, recordOf } from './log.memory';
import {
  type CommittedOffset,
  followStart,
  type LogRecord,
  type Positions,
  type Source,
  type TopicReader,
} from './source';

/** A source on a log in memory. Several on one log and group share its partitions as members of a Kafka group do. */
export function memorySource(
  log: MemoryLog,
  options: { readonly topics: readonly string[]; readonly groupId: string | null },
): Source {
  const { topics, groupId } = options;
  const inboxes = new Map<number, WokenInbox>();
  let leave: (() => void) | null = null;

  const partitions = (): number => coPartitions(topics.map((topic) => [topic, log.partitions(topic)]));
  const watermarks = (partition: number) => topics.map((topic) => log.watermarks(topic, partition));
  const close = (partition: number): void => {
    inboxes.get(partition)?.close();
    inboxes.delete(partition);
  };

  return {
    partitions: async () => partitions(),
    async start({ onAssigned }) {
      leave?.();
      if (groupId === null) return onAssigned(Array.from({ length: partitions() }, (_, each) => each));
      leave = log.join(groupId, partitions(), (assigned) => {
        for (const partition of [...inboxes.keys()]) if (!assigned.includes(partition)) close(partition);
        onAssigned(assigned);
      });
    },
    async open(partition, positions, until) {
      const from = heldPositions(topics, partition, positions, watermarks(partition));
      close(partition);
      const buffer = memoryBuffer(log, topics, partition, from, until);
      const inbox = openInbox(log.clock, buffer);
      buffer.watch(() => inbox.wake());
      inboxes.set(partition, inbox);
      return inbox;
    },
    watermarks: async (partition) => watermarks(partition),
    commitProgress(partition, positions) {
      topics.forEach((topic, index) => {
        if (groupId !== null) {
          const offset = must(positions[index], 'one position per topic');
          log.commit(groupId, topic, partition, { offset, metadata: '' });
        }
      });
    },
    async stop() {
      leave?.();
      leave = null;
      for (const partition of [...inboxes.keys()]) close(partition);
    },
  };
}

/** Reads directly from the log: appended records are available at once, in the order of arrival over the topics. */
function memoryBuffer(
  log: MemoryLog,
  topics: readonly string[],
  partition: number,
  positions: Positions,
  until: () => Positions = () => [],
): BufferedRecords & { watch(onChange: () => void): void } {
  const next = [...positions];
  let unwatch: (() => void)[] = [];
  const high = (topic: string): number => log.watermarks(topic, partition).high;
  /** The end of the offsets that may be taken. */
  const end = (topic: string, index: number): number => Math.min(high(topic), until()[index] ?? Infinity);

  /** The topic with the earliest next entry, or -1. */
  const earliest = (): number => {
    let first = -1;
    let least = Infinity;
    topics.forEach((topic, index) => {
      const entry = log.entry(topic, partition, must(next[index], 'one position per topic'));
      if (entry === null || entry.sequence >= least || (next[index] ?? 0) >= end(topic, index)) return;
      first = index;
      least = entry.sequence;
    });
    return first;
  };

  return {
    size: () => topics.reduce((sum, topic, index) => sum + end(topic, index) - (next[index] ?? 0), 0),
    pending: () => topics.some((topic, index) => end(topic, index) > (next[index] ?? 0)),
    lost() {
      const held = topics.map((topic) => log.watermarks(topic, partition));
      return lostPosition(topics, partition, next, held);
    },
    take(max) {
      const records: LogRecord[] = [];
      for (let index = earliest(); index >= 0 && records.length < max; index = earliest()) {
        const offset = next[index] ?? 0;
        const entry = must(log.entry(topics[index] ?? '', partition, offset), 'the earliest entry exists');
        const record = recordOf(entry, index, partition);
        if (record !== null) records.push(record);
        next[index] = offset + 1;
      }
      return { records, next: [...next] };
    },
    lag: () => topics.map((topic, index) => high(topic) - (next[index] ?? 0)),
    heldBack: () => topics.map(() => 0),
    caughtUp: () => topics.every((topic, index) => (next[index] ?? 0) >= high(topic)),
    drop() {
      for (const stop of unwatch) stop();
    },
    watch(onChange) {
      unwatch = topics.map((topic) => log.watch(topic, partition, onChange));
    },
  };
}

/** Reads a log in memory outside any group. */
export function memoryReader(log: MemoryLog): TopicReader {
  const countOf = (topic: string): number => {
    const count = log.partitions(topic);
    if (count === null) throw new EfsError('topic-missing', `topic ${topic} does not exist`);
    return count;
  };
  /** Delivers the records in [from, end of the log); returns the end. */
  const deliver = (
    topic: string,
    partition: number,
    from: number,
    onRecord: (record: LogRecord) => void,
  ): number => {
    const { low, high } = log.watermarks(topic, partition);
    for (let offset = Math.max(from, low); offset < high; offset++) {
      const entry = log.entry(topic, partition, offset);
      const record = entry === null ? null : recordOf(entry, 0, partition);
      if (record !== null) onRecord(record);
    }
    return high;
  };

  return {
    partitions: async (topic) => countOf(topic),
    topicIds: async (topics) => topics.map((topic) => log.topicId(topic)),
    async watermarks(topic, partition) {
      countOf(topic);
      return log.watermarks(topic, partition);
    },
    highWatermark: async (topic, partition) => log.watermarks(topic, partition).high,
    async read(topic, partition, onRecord, from = 0) {
      countOf(topic);
      deliver(topic, partition, from, onRecord);
    },
    async follow(topic, { from, signal, onCaughtUp }, onRecord) {
      const positions = Array.from({ length: countOf(topic) }, (_, partition) => {
        const { low, high } = log.watermarks(topic, partition);
        return followStart(from, { low, high });
      });
      const advance = (partition: number): void => {
        positions[partition] = deliver(topic, partition, positions[partition] ?? 0, onRecord);
      };
      const unwatch = positions.map((_, partition) => log.watch(topic, partition, () => advance(partition)));
      positions.forEach((_, partition) => advance(partition));
      onCaughtUp?.();
      const ended = aborted(signal).then(() => {
        for (const stop of unwatch) stop();
      });
      return { ended };
    },
    close: async () => undefined,
  };
}

/** The offsets committed to a log in memory by `commitProgress` and transactional sinks. */
export function memoryCommittedOffset(log: MemoryLog): CommittedOffset {
  return async (groupId, topic, partition) => log.committed(groupId, topic, partition);
}
