import { assert, must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Positions, Watermarks } from './source';

/**
 * The number of partitions that all topics share; a count is null where the topic is missing. Throws `topic-missing`
 * with the names, `not-co-partitioned` with the counts.
 */
export function coPartitions(
  counts: readonly (readonly [topic: string, partitions: number | null])[],
): number {
  const missing = counts.filter(([, count]) => count === null).map(([topic]) => topic);
  if (missing.length > 0) {
    throw new EfsError('topic-missing', `these topics do not exist: ${missing.join(', ')}`);
  }
  const first = must(counts[0]?.[1], 'a source has at least one topic');
  if (counts.some(([, count]) => count !== first)) {
    const listed = counts.map(([topic, count]) => `${topic} ${count}`).join(', ');
    throw new EfsError('not-co-partitioned', `the topics differ in their number of partitions: ${listed}`);
  }
  return first;
}

/** The failure where a position is outside the log, or null. A position at the end is inside. */
export function lostPosition(
  topics: readonly string[],
  partition: number,
  positions: Positions,
  held: readonly Watermarks[],
): EfsError | null {
  assert(positions.length === topics.length, 'one position per topic');
  for (const [index, topic] of topics.entries()) {
    const position = must(positions[index], 'one position per topic');
    const { low, high } = must(held[index], 'watermarks for each topic');
    if (position >= low && position <= high) continue;
    return new EfsError(
      'position-lost',
      `${topic}/${partition}: the next offset is ${position}, but the log holds ${low} up to ${high}`,
    );
  }
  return null;
}

/**
 * Positions of all topics, each inside the log; throws what `lostPosition` finds. Topics beyond those given begin at their
 * first offset: state that was built before they were read has nothing of them.
 */
export function heldPositions(
  topics: readonly string[],
  partition: number,
  positions: Positions,
  held: readonly Watermarks[],
): Positions {
  const all = [...positions, ...held.slice(positions.length).map(({ low }) => low)];
  const lost = lostPosition(topics, partition, all, held);
  if (lost !== null) throw lost;
  return all;
}

/** Checks periodically, and at every call of the returned function, that the topics still have equal partition counts. */
export function watchPartitions(
  count: () => Promise<number>,
  deps: { clock: Clock; everyMs: number; stopping: AbortController; onFailed(error: unknown): void },
): () => Promise<void> {
  const { clock, everyMs, stopping, onFailed } = deps;
  let first: number | null = null;
  let failed = false;
  const check = async (): Promise<void> => {
    try {
      const now = await count();
      first ??= now;
      if (now === first) return;
      throw new EfsError('not-co-partitioned', `the topics had ${first} partitions, now they have ${now}`);
    } catch (error) {
      // An unavailable Kafka is an outage, and a missing topic may still be in creation: both are checked again.
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
