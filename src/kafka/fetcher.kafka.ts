import type { Clock } from '../base/clock';
import { EfsError, isRefusal } from '../base/errors';
import { kafkaFailure, protocolError } from './failure.kafka';
import type { FetchedPartition } from './fetch.kafka';
import type { RecordBatch } from './records.kafka';
import type { FetchLimits, TopicPartition } from './requests.kafka';
import type { Wire } from './cluster.kafka';

/** One partition of one topic that is being read. Its owner moves `position`, in `deliver` only. */
export interface Lane extends TopicPartition {
  /** The next offset to fetch. */
  position: number;
  /** Whether there is room for more. Asked before each fetch. */
  wanted(): boolean;
  /** What was fetched at `position`; moves it. `end` is where the log ends for readers of committed records. */
  deliver(batches: readonly RecordBatch[], end: number): void;
  /** The log does not hold `position`. The lane has been taken out. */
  outOfRange(): void;
}

/** Fetches for lanes: at most one request per node at a time, of all lanes that node leads and that have room. */
export interface Fetcher {
  add(lanes: readonly Lane[]): void;
  remove(lanes: readonly Lane[]): void;
  /** A lane may have room again. */
  poke(): void;
  close(): void;
}

/** Pauses between attempts: doubling from least to most, in milliseconds. */
export interface Backoff {
  readonly least: number;
  readonly most: number;
}

export interface FetcherOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly limits: FetchLimits;
  readonly backoffMs: Backoff;
  /** Lanes wait for Kafka, which does not answer, or not as it should; the fetcher goes on trying. At every failure. */
  onOutage(error: unknown): void;
  /** No lane waits for Kafka any more: each has had an answer since, or was taken out. */
  onAnswer(): void;
}

const OFFSET_OUT_OF_RANGE = 1;
/** How long a request is held at first while a lane without room could ask for more at any moment. */
const IMPATIENT_MS = 10;

/** Starts with no lanes. Never follows a lost position anywhere: that is told to the lane, once. */
export function startFetcher(options: FetcherOptions): Fetcher {
  const { wire, limits } = options;
  const lanes = new Set<Lane>();
  const busy = new Set<number | null>();
  const closing = new AbortController();
  const { answered, failed } = waitingLanes(options, lanes, closing.signal);
  let finding = false;
  let heldMs = IMPATIENT_MS;

  /** Starts a request at every idle node that leads a lane with room. */
  const pump = async (): Promise<void> => {
    if (finding || closing.signal.aborted) return;
    const wanted = [...lanes].filter((lane) => lane.wanted());
    if (wanted.length === 0) return;
    finding = true;
    const byNode = await laneByNode(wire, wanted).catch((error: unknown) => failed(error, wanted, null));
    finding = false;
    if (byNode === undefined) return pump();
    for (const [node, led] of byNode) {
      if (busy.has(node)) continue;
      busy.add(node);
      void fetchFrom(wire, node, led, lanes, { ...limits, maxWaitMs: holdFor(led) })
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

  const holdFor = (led: readonly Lane[]): number => {
    const full = [...lanes].some((lane) => !led.includes(lane) && !lane.wanted());
    if (!full) return limits.maxWaitMs;
    heldMs = Math.min(limits.maxWaitMs, heldMs * 2);
    return heldMs;
  };

  return {
    add(added) {
      for (const lane of added) lanes.add(lane);
      void pump();
    },
    remove(removed) {
      for (const lane of removed) lanes.delete(lane);
      answered(removed, null);
    },
    poke() {
      heldMs = IMPATIENT_MS;
      void pump();
    },
    close() {
      closing.abort();
      lanes.clear();
    },
  };
}

/** Which lanes wait because their last request failed, and for how long the next one is put off. */
function waitingLanes(
  { wire, clock, backoffMs, onOutage, onAnswer }: FetcherOptions,
  lanes: ReadonlySet<Lane>,
  closing: AbortSignal,
) {
  const waiting = new Set<Lane>();
  /** How often each node has failed since its last answer; null stands for lanes that have no node. */
  const failures = new Map<number | null, number>();
  return {
    /** These lanes were served by a node, or taken out. */
    answered(served: readonly Lane[], node: number | null): void {
      failures.delete(node);
      const before = waiting.size;
      // A lane that has become full waits for its owner, no longer for Kafka.
      for (const lane of waiting) if (served.includes(lane) || !lane.wanted()) waiting.delete(lane);
      if (before > 0 && waiting.size === 0) onAnswer();
    },
    /** Resolves when it is time to try again. */
    async failed(error: unknown, asked: readonly Lane[], node: number | null): Promise<void> {
      const left = asked.filter((lane) => lanes.has(lane));
      if (closing.aborted || left.length === 0) return;
      for (const lane of left) waiting.add(lane);
      onOutage(error);
      const count = failures.get(node) ?? 0;
      failures.set(node, count + 1);
      await clock.sleep(Math.min(backoffMs.most, backoffMs.least * 2 ** count), closing);
      if (!closing.aborted) await wire.forgetLeaders().catch(() => undefined);
    },
  };
}

/** One request to one node. Throws where Kafka does not answer, or refuses a lane what it may give it later. */
async function fetchFrom(
  wire: Wire,
  node: number | null,
  led: readonly Lane[],
  lanes: Set<Lane>,
  limits: FetchLimits,
): Promise<void> {
  if (node === null) throw new EfsError('kafka-unavailable', `${nameOf(led)} without a leader`);
  const asked = led.map((lane) => ({ lane, offset: lane.position }));
  const requests = led.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
  const { partitions } = await wire.fetch(node, requests, limits);
  const refusals: EfsError[] = [];
  for (const fetched of partitions) {
    const { topic, partition } = fetched;
    const found = asked.find(({ lane }) => lane.topic === topic && lane.partition === partition);
    // A lane may have been taken out, or replaced by another, while the request was under way.
    if (found === undefined || !lanes.has(found.lane) || found.lane.position !== found.offset) continue;
    const refusal = handOver(found.lane, fetched, lanes);
    if (refusal !== null) refusals.push(refusal);
  }
  if (refusals[0] !== undefined) throw refusals[0];
}

/** Gives a lane its part; answers with Kafka's refusal where trying again may help, else null. */
function handOver(lane: Lane, fetched: FetchedPartition, lanes: Set<Lane>): EfsError | null {
  const { errorCode, batches, end, topic, partition } = fetched;
  if (errorCode === OFFSET_OUT_OF_RANGE) {
    lanes.delete(lane);
    lane.outOfRange();
  } else if (errorCode !== 0) {
    const cause = protocolError(errorCode);
    const failure = kafkaFailure(cause);
    if (isRefusal(failure)) return failure;
    return new EfsError('kafka-unavailable', `${topic}/${partition} cannot be read: ${cause.message}`, {
      cause,
    });
  } else {
    lane.deliver(batches, end);
    if (batches.length > 0) {
      // To the back: the response has room for few, and who was served lets the others go first.
      lanes.delete(lane);
      lanes.add(lane);
    }
  }
  return null;
}

/** Lanes by the node that leads them; null for those that have no leader now. */
async function laneByNode(wire: Wire, wanted: readonly Lane[]): Promise<Map<number | null, Lane[]>> {
  const leaders = await wire.leaders(wanted);
  const byNode = new Map<number | null, Lane[]>();
  wanted.forEach((lane, index) => {
    const node = leaders[index] ?? null;
    const led = byNode.get(node);
    if (led === undefined) byNode.set(node, [lane]);
    else led.push(lane);
  });
  return byNode;
}

/** The first of several partitions, and how many more. */
function nameOf([first, ...others]: readonly Lane[]): string {
  const name = `${first?.topic}/${first?.partition}`;
  return others.length === 0 ? `${name} is` : `${name} and ${others.length} more partitions are`;
}
