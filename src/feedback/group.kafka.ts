import { AssignerProtocol, type Consumer, type Kafka, type PartitionAssigner } from 'kafkajs';
import type { Clock } from '../base/clock';
import { assignPartitions, type Member } from './assigner';
import { kafkaFailure } from './failure.kafka';
import { readsAny } from './groups';
import { topicsIn } from './groups.kafka';

/** How a member keeps its place in the group, in milliseconds. */
export interface GroupLimits {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  /** A member that has not heard from its coordinator for so long is taken down and joins anew. */
  readonly silenceMs: number;
  readonly backoffMs: { readonly least: number; readonly most: number };
}

export interface GroupOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly limits: GroupLimits;
  /** The complete list of partitions owned from now on; at every join, changed or not. */
  onAssigned(partitions: readonly number[]): void;
  /** Out of the group, and trying. */
  onOutage(error: unknown): void;
  onRecovered(): void;
}

export interface Membership {
  /** Rejects where there is no group to commit to right now. */
  commit(partition: number, positions: readonly number[]): Promise<void>;
  /** Leaves; resolves within `deadlineMs` even where Kafka is gone. */
  leave(deadlineMs: number): Promise<void>;
}

/**
 * Keeps a member in a group until `leave`, whatever happens to Kafka: a consumer that crashes, hangs or cannot
 * connect is replaced, after a pause. kafkajs' consumer only holds the place; all its partitions stay paused, so it
 * never fetches and never moves an offset.
 */
export function joinGroup(options: GroupOptions): Membership {
  const { clock, limits } = options;
  const leaving = new AbortController();
  const claim: Claim = { owned: [], generation: 0 };
  let current: Consumer | null = null;
  let leftConsumer: Promise<void> = Promise.resolve();

  const stay = async (): Promise<void> => {
    let failures = 0;
    while (!leaving.signal.aborted) {
      const joined = (): void => {
        failures = 0;
        options.onRecovered();
      };
      const consumer = openConsumer(options, claim);
      current = consumer;
      const { reason, started } = await untilEnded(options, consumer, claim, leaving.signal, joined);
      current = null;
      // Not before it has joined or failed to: a consumer that is stopped while it joins joins all the same.
      leftConsumer = started.then(() => consumer.disconnect()).catch(() => undefined);
      if (leaving.signal.aborted) break;
      options.onOutage(kafkaFailure(reason));
      const pause = Math.min(limits.backoffMs.most, limits.backoffMs.least * 2 ** failures++);
      await Promise.race([leftConsumer, clock.sleep(limits.sessionTimeoutMs, leaving.signal)]);
      await clock.sleep(pause, leaving.signal);
    }
  };
  const ended = stay();

  return {
    async commit(partition, positions) {
      if (current === null) throw new Error('not in the group');
      const offsets = options.topics.map((topic, index) => ({
        topic,
        partition,
        offset: String(positions[index] ?? 0),
      }));
      await current.commitOffsets(offsets);
    },
    async leave(deadlineMs) {
      leaving.abort();
      const left = ended.then(() => leftConsumer);
      const timer = new AbortController();
      await Promise.race([left, clock.sleep(deadlineMs, timer.signal)]);
      timer.abort();
    },
  };
}

/** What this process tells the group of itself at each join. */
interface Claim {
  owned: readonly number[];
  /** When it was given them, in milliseconds: only compared, to tell a former owner from the present one. */
  generation: number;
}

function openConsumer({ kafka, groupId, limits }: GroupOptions, claim: Claim): Consumer {
  return kafka.consumer({
    groupId,
    sessionTimeout: limits.sessionTimeoutMs,
    heartbeatInterval: limits.heartbeatIntervalMs,
    rebalanceTimeout: limits.rebalanceTimeoutMs,
    // With everything paused this is how often kafkajs looks whether a heartbeat is due.
    maxWaitTimeInMs: Math.min(500, limits.heartbeatIntervalMs),
    allowAutoTopicCreation: false,
    partitionAssigners: [stickyAssigner(claim)],
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2000, restartOnFailure: async () => false },
  });
}

/**
 * Runs a consumer until it is of no more use; gives the reason, null when told to leave, and the end of its start,
 * which may be still to come.
 */
async function untilEnded(
  { topics, clock, limits, onAssigned }: GroupOptions,
  consumer: Consumer,
  claim: Claim,
  leaving: AbortSignal,
  joined: () => void,
): Promise<{ reason: unknown; started: Promise<void> }> {
  const over = new AbortController();
  let reason: unknown = null;
  const end = (error: unknown): void => {
    reason ??= error;
    over.abort();
  };
  let heard = clock.monotonic();
  leaving.addEventListener('abort', () => end(null), { once: true, signal: over.signal });
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
  const hear = (): void => {
    heard = clock.monotonic();
  };
  consumer.on(consumer.events.HEARTBEAT, hear);
  consumer.on(consumer.events.REBALANCING, hear);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    hear();
    if (over.signal.aborted) return;
    // Before kafkajs' first fetch: it starts right after its listeners.
    consumer.pause(topics.map((topic) => ({ topic })));
    claim.owned = [...(payload.memberAssignment[topics[0] ?? ''] ?? [])].sort((a, b) => a - b);
    claim.generation = clock.now();
    joined();
    onAssigned(claim.owned);
  });
  const started = consumer
    .connect()
    .then(() => consumer.subscribe({ topics: [...topics], fromBeginning: true }))
    .then(() =>
      over.signal.aborted ? undefined : consumer.run({ autoCommit: false, eachBatch: async () => undefined }),
    )
    .catch(end);
  while (!over.signal.aborted) {
    await clock.sleep(limits.silenceMs / 6, over.signal);
    if (clock.monotonic() - heard > limits.silenceMs) {
      end(new Error(`no answer from the group's coordinator for ${limits.silenceMs} ms`));
    }
  }
  return { reason, started };
}

/** The pure assigner in kafkajs' clothes. What a member owns travels as its user data at each join. */
export function stickyAssigner(claim: Claim): PartitionAssigner {
  const { MemberMetadata, MemberAssignment } = AssignerProtocol;
  return ({ cluster }) => ({
    name: 'efs-co-partitioned',
    version: 1,
    protocol: ({ topics }) => ({
      name: 'efs-co-partitioned',
      metadata: MemberMetadata.encode({ version: 1, topics, userData: Buffer.from(JSON.stringify(claim)) }),
    }),
    async assign({ members, topics }) {
      // Strangers get nothing: what they were given would be read by nobody.
      const workers = members.filter(({ memberMetadata }) =>
        readsAny({ topics: topicsIn(memberMetadata) }, topics),
      );
      const claims = workers.map(({ memberId, memberMetadata }) =>
        readClaim(memberId, MemberMetadata.decode(memberMetadata)?.userData ?? null),
      );
      const counts = topics.map((topic) => cluster.findTopicPartitionMetadata(topic).length);
      const assigned = assignPartitions(claims, Math.min(...counts));
      return members.map(({ memberId }) => {
        const partitions = [...(assigned.get(memberId) ?? [])];
        const assignment = Object.fromEntries(topics.map((topic) => [topic, partitions]));
        const userData = Buffer.alloc(0);
        return { memberId, memberAssignment: MemberAssignment.encode({ version: 1, assignment, userData }) };
      });
    },
  });
}

/** A member whose user data cannot be read owns nothing. */
function readClaim(id: string, userData: Buffer | null): Member {
  try {
    const { owned, generation } = JSON.parse(String(userData)) as Partial<Claim>;
    if (Array.isArray(owned) && owned.every(Number.isInteger) && Number.isFinite(generation)) {
      return { id, owned, generation: Number(generation) };
    }
  } catch {
    // Not JSON: another version of the service, or none.
  }
  return { id, owned: [], generation: 0 };
}
