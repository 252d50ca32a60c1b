import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { backoffMs } from '../base/backoff';
import { type Clock, systemRandom } from '../base/clock';
import { EfsError, isRefusal } from '../base/errors';
import { kafkaFailure } from './failure.kafka';
import type { FetchedPartition } from './fetch.kafka';
import type { RecordBatch } from './records.kafka';
import type { FetchLimits, TopicPartition } from './requests.kafka';
import type { KafkaCluster } from './cluster.kafka';

/** One partition of one topic that is being read. Its owner moves `position`, in `deliver` only. */
export interface FetchTarget extends TopicPartition {
  /** The next offset to fetch. */
  position: number;
  /** Whether there is room for more. Asked before each fetch. */
  hasCapacity(): boolean;
  /** Takes what was fetched at `position`, and moves it. `end` is the end offset for readers of committed records. `heldBack` offsets follow it. */
  deliver(batches: readonly RecordBatch[], end: number, heldBack: number): void;
  /** It cannot be read any further: `position-lost`. The target has been removed. */
  failed(error: EfsError): void;
}

/** Fetches for targets: at most one request per node at a time, for all targets that it leads and that have capacity. */
export interface Fetcher {
  add(targets: readonly FetchTarget[]): void;
  remove(targets: readonly FetchTarget[]): void;
  /** A target may have capacity again. */
  wake(): void;
  close(): void;
}

export interface FetcherOptions {
  readonly cluster: KafkaCluster;
  readonly clock: Clock;
  readonly limits: FetchLimits;
  /** Kafka does not answer for some targets, or answers with an error; the fetcher retries. Called at every failure. */
  onOutage(error: unknown): void;
  /** No target waits for Kafka any more: each has had an answer since, or was removed. */
  onAnswer(): void;
}

const OFFSET_OUT_OF_RANGE = 1;
/** Initial `maxWaitMs` of a request while a target without capacity may need a fetch at any moment. */
const SHORT_WAIT_MS = 10;

/** Starts with no targets. Never resets a lost position: it reports it to the target, once. */
export function startFetcher(options: FetcherOptions): Fetcher {
  const { cluster, limits } = options;
  const targets = new Set<FetchTarget>();
  const busy = new Set<number | null>();
  const closing = new AbortController();
  const { answered, failed } = waitingTargets(options, targets, closing.signal);
  let finding = false;
  let heldMs = SHORT_WAIT_MS;

  /** Starts a request at every idle node that leads a target with capacity. */
  const pump = async (): Promise<void> => {
    if (finding || closing.signal.aborted) return;
    const ready = [...targets].filter((target) => target.hasCapacity());
    if (ready.length === 0) return;
    finding = true;
    const byNode = await cluster.byLeader(ready).catch((error: unknown) => failed(error, ready, null));
    finding = false;
    if (byNode === undefined) return pump();
    for (const [node, led] of byNode) {
      if (busy.has(node)) continue;
      busy.add(node);
      void fetchFrom(cluster, node, led, targets, { ...limits, maxWaitMs: holdFor(led) })
        .then(
          () => answered(led, node),
          (error: unknown) => failed(error, led, node),
        )
        .then(() => {
          busy.delete(node);
          return pump();
        });
    }
  };

  const holdFor = (led: readonly FetchTarget[]): number => {
    const full = [...targets].some((target) => !led.includes(target) && !target.hasCapacity());
    if (!full) return limits.maxWaitMs;
    heldMs = Math.min(limits.maxWaitMs, heldMs * 2);
    return heldMs;
  };

  return {
    add(added) {
      for (const target of added) targets.add(target);
      void pump();
    },
    remove(removed) {
      for (const target of removed) targets.delete(target);
      answered(removed, null);
    },
    wake() {
      heldMs = SHORT_WAIT_MS;
      void pump();
    },
    close() {
      closing.abort();
      targets.clear();
    },
  };
}

/** Tracks the targets whose last request failed, and how long the next one is delayed. */
function waitingTargets(
  { cluster, clock, onOutage, onAnswer }: FetcherOptions,
  targets: ReadonlySet<FetchTarget>,
  closing: AbortSignal,
) {
  const waiting = new Set<FetchTarget>();
  /** Failures of each node since its last answer; null stands for targets without a leader. */
  const failures = new Map<number | null, number>();
  return {
    /** These targets were served by a node, or removed. */
    answered(served: readonly FetchTarget[], node: number | null): void {
      failures.delete(node);
      const before = waiting.size;
      // A target that has become full waits for its owner, no longer for Kafka.
      for (const target of waiting)
        if (served.includes(target) || !target.hasCapacity()) waiting.delete(target);
      if (before > 0 && waiting.size === 0) onAnswer();
    },
    /** Resolves when the next attempt is due. */
    async failed(error: unknown, asked: readonly FetchTarget[], node: number | null): Promise<void> {
      const left = asked.filter((target) => targets.has(target));
      if (closing.aborted || left.length === 0) return;
      for (const target of left) waiting.add(target);
      onOutage(error);
      const count = failures.get(node) ?? 0;
      failures.set(node, count + 1);
      await clock.sleep(backoffMs(count, systemRandom), closing);
      if (!closing.aborted) await cluster.refreshMetadata().catch(() => undefined);
    },
  };
}

/** One request to one node. Throws where Kafka does not answer, or refuses a target with a retriable error. */
async function fetchFrom(
  cluster: KafkaCluster,
  node: number | null,
  led: readonly FetchTarget[],
  targets: Set<FetchTarget>,
  limits: FetchLimits,
): Promise<void> {
  if (node === null) throw new EfsError('kafka-unavailable', `${nameOf(led)} without a leader`);
  const asked = led.map((target) => ({ target, offset: target.position }));
  const requests = led.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
  const { partitions } = await cluster.fetch(node, requests, limits);
  const refusals: EfsError[] = [];
  for (const fetched of partitions) {
    const { topic, partition } = fetched;
    const found = asked.find(({ target }) => target.topic === topic && target.partition === partition);
    // The target may have been removed, or replaced by another, while the request was in flight.
    if (found === undefined || !targets.has(found.target) || found.target.position !== found.offset) continue;
    const refusal = deliverTo(found.target, fetched, targets);
    if (refusal !== null) refusals.push(refusal);
  }
  if (refusals[0] !== undefined) throw refusals[0];
}

/** Gives a target its part of a response; returns Kafka's refusal where a retry may help, else null. */
function deliverTo(
  target: FetchTarget,
  fetched: FetchedPartition,
  targets: Set<FetchTarget>,
): EfsError | null {
  const { errorCode, batches, end, heldBack, topic, partition } = fetched;
  if (errorCode === OFFSET_OUT_OF_RANGE) {
    targets.delete(target);
    const lost = `${topic}/${partition}: the log no longer holds ${target.position}`;
    target.failed(new EfsError('position-lost', lost));
  } else if (errorCode !== 0) {
    const cause = createErrorFromCode(errorCode);
    const failure = kafkaFailure(cause);
    if (isRefusal(failure)) return failure;
    return new EfsError('kafka-unavailable', `${topic}/${partition} cannot be read: ${cause.message}`, {
      cause,
    });
  } else {
    target.deliver(batches, end, heldBack);
    if (batches.length > 0) {
      // A served target moves to the back: a response has room for few.
      targets.delete(target);
      targets.add(target);
    }
  }
  return null;
}

/** The first of several partitions, and how many more. */
function nameOf([first, ...others]: readonly FetchTarget[]): string {
  const name = `${first?.topic}/${first?.partition}`;
  return others.length === 0 ? `${name} is` : `${name} and ${others.length} more partitions are`;
}
