import type { MemoryLog } from '../../src/log/log.memory';
import type { Positions } from '../../src/log/source';
import type { Installation } from './installation';
import { latency } from './network';
import type { Process } from './schedule';

/**
 * The log as one process sees it: an appended record is visible once it has been fetched, each topic at its own time.
 * So records of different topics reach a task in any order, those of one topic in theirs.
 */
export interface FetchedLog extends MemoryLog {
  /** A partition is opened at these positions: nothing behind them has been fetched. */
  begin(topics: readonly string[], partition: number, positions: Positions): void;
  /** Kafka removes the process from its group. */
  expel(): void;
  /** The process joins again. */
  rejoin(): void;
  /** Records in the log that have not been fetched. */
  unfetched(topic: string, partition: number): number;
}

export function fetchedLog(installation: Installation, process: Process): FetchedLog {
  const { log, schedule, chance, scenario, stalledUntil } = installation;
  const fetched = new Map<string, number>();
  const fetching = new Set<string>();
  const watchers = new Map<string, Set<() => void>>();
  const place = (topic: string, partition: number): string => `${topic}/${partition}`;
  const highOf = (topic: string, partition: number): number =>
    Math.min(fetched.get(place(topic, partition)) ?? 0, log.watermarks(topic, partition).high);

  const fetch = (topic: string, partition: number): void => {
    const key = place(topic, partition);
    const { high } = log.watermarks(topic, partition);
    if (fetching.has(key) || highOf(topic, partition) >= high) return;
    fetching.add(key);
    const stalled = Math.max(0, (stalledUntil.get(key) ?? 0) - schedule.now());
    const arrive = (): void => {
      fetching.delete(key);
      const { high: now } = log.watermarks(topic, partition);
      const from = highOf(topic, partition);
      // A fetch brings some of the available records, at least one.
      fetched.set(key, chance.below(2) === 0 ? now : from + 1 + chance.below(now - from));
      for (const watcher of watchers.get(key) ?? []) watcher();
      fetch(topic, partition);
    };
    schedule.after(stalled + scenario.network.fetchMs * chance.unit(), arrive, process);
  };

  return {
    ...log,
    ...membership(installation, process),
    begin: (topics, partition, positions) =>
      topics.forEach((topic, index) => {
        const { low } = log.watermarks(topic, partition);
        fetched.set(place(topic, partition), Math.max(low, positions[index] ?? 0));
        fetch(topic, partition);
      }),
    watermarks: (topic, partition) => ({
      low: log.watermarks(topic, partition).low,
      high: highOf(topic, partition),
    }),
    entry: (topic, partition, offset) =>
      offset < highOf(topic, partition) ? log.entry(topic, partition, offset) : null,
    watch(topic, partition, onChange) {
      const key = place(topic, partition);
      const others = watchers.get(key) ?? new Set();
      watchers.set(key, others.add(onChange));
      const unwatch = log.watch(topic, partition, () => fetch(topic, partition));
      return () => {
        others.delete(onChange);
        unwatch();
      };
    },
    unfetched: (topic, partition) => log.watermarks(topic, partition).high - highOf(topic, partition),
  };
}

/** Assignments have latency like every call, and a later one overrides an earlier one. */
function membership(
  installation: Installation,
  process: Process,
): Pick<FetchedLog, 'join' | 'expel' | 'rejoin'> {
  const { log, schedule, trace } = installation;
  let leave: (() => void) | null = null;
  let rejoin = (): void => undefined;
  return {
    join(groupId, partitions, onAssigned) {
      let latest = 0;
      const onRebalance = (list: readonly number[]): void => {
        const assignment = ++latest;
        schedule.after(
          latency(installation),
          () => {
            if (assignment !== latest) return;
            trace.add(process.name, () => `is assigned partitions [${list.join()}] of ${groupId}`);
            onAssigned(list);
          },
          process,
        );
      };
      rejoin = () => (leave = log.join(groupId, partitions, onRebalance));
      rejoin();
      return () => {
        rejoin = () => undefined;
        latest += 1;
        leave?.();
        leave = null;
      };
    },
    expel() {
      leave?.();
      leave = null;
    },
    rejoin: () => {
      if (leave === null) rejoin();
    },
  };
}
