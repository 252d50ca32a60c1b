import type { Clock } from '../base/clock';
import { EfsError, isRefusal } from '../base/errors';
import { kafkaFailure, protocolError } from './failure.kafka';
import type { FetchedPartition } from './fetch.kafka';
import type { RecordBatch } from './records.kafka';
import type { FetchLimits, TopicPartition, Wire } from './wire.kafka';

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
  /** Kafka does not answer, or not as it should; the fetcher goes on trying. At every failure while it has lanes. */
  onOutage(error: unknown): void;
  /** Nobody waits for Kafka: it answers (after every success), or the last lane was taken out. */
  onAnswer(): void;
}

const OFFSET_OUT_OF_RANGE = 1;
/** How long a request is held at first while a lane without room could ask for more at any moment. */
const IMPATIENT_MS = 10;

/** Starts with no lanes. Never follows a lost position anywhere: that is told to the lane, once. */
export function startFetcher(options: FetcherOptions): Fetcher {
  const { wire, clock, limits, backoffMs } = options;
  const lanes = new Set<Lane>();
  const busy = new Set<number>();
  const closing = new AbortController();
  let finding = false;
  let failures = 0;
  let heldMs = IMPATIENT_MS;

  const failed = async (error: unknown): Promise<void> => {
    if (closing.signal.aborted || lanes.size === 0) return;
    options.onOutage(error);
    await clock.sleep(Math.min(backoffMs.most, backoffMs.least * 2 ** failures++), closing.signal);
    if (!closing.signal.aborted) await wire.forgetLeaders().catch(() => undefined);
  };

  /** Starts a request at every idle node that leads a lane with room. */
  const pump = async (): Promise<void> => {
    if (finding || closing.signal.aborted) return;
    const wanted = [...lanes].filter((lane) => lane.wanted());
    if (wanted.length === 0) return;
    finding = true;
    const byNode = await laneByNode(wire, wanted).catch((error: unknown) => failed(error));
    finding = false;
    if (byNode === undefined) return pump();
    for (const [node, led] of byNode) {
      if (busy.has(node)) continue;
      busy.add(node);
      void fetchFrom(wire, node, led, lanes, { ...limits, maxWaitMs: holdFor(led) })
        .then(() => {
          failures = 0;
          options.onAnswer();
        }, failed)
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
      if (lanes.size === 0) options.onAnswer();
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

/** One request to one node. Throws where Kafka does not answer, or refuses a lane what it may give it later. */
async function fetchFrom(
  wire: Wire,
  node: number,
  led: readonly Lane[],
  lanes: Set<Lane>,
  limits: FetchLimits,
): Promise<void> {
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

/** Throws where lanes have no leader and nothing else could be fetched meanwhile. */
async function laneByNode(wire: Wire, wanted: readonly Lane[]): Promise<Map<number, Lane[]>> {
  const leaders = await wire.leaders(wanted);
  const byNode = new Map<number, Lane[]>();
  wanted.forEach((lane, index) => {
    const node = leaders[index] ?? null;
    if (node === null) return;
    const led = byNode.get(node);
    if (led === undefined) byNode.set(node, [lane]);
    else led.push(lane);
  });
  if (byNode.size === 0) throw new EfsError('kafka-unavailable', 'the partitions have no leader');
  return byNode;
}
