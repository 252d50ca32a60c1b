import type { Kafka } from 'kafkajs';
import { protocol as joinGroupRequest } from 'kafkajs/src/protocol/requests/joinGroup';
import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { refusalOf } from './failure.kafka';
import type { BrokerInside, TopicOffsets } from './inside.kafka';
import { NEWCOMER, type Place, placeAfter } from './membership';
import {
  type Assignment,
  assignmentsOf,
  type Claim,
  encodeClaim,
  type Joined,
  ownedIn,
  PROTOCOL,
} from './protocol.kafka';
import { openCluster, type KafkaCluster } from './cluster.kafka';

/** How a member keeps its place in the group, in milliseconds. */
export interface GroupLimits {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
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
  /** The coordinator does not answer, and is asked again. At every failure. */
  onOutage(error: unknown): void;
  /** The coordinator answers. At every success. */
  onAnswer(): void;
}

export interface Membership {
  /** Rejects where there is no group to commit to right now. */
  commit(partition: number, positions: readonly number[]): Promise<void>;
  /** Leaves; resolves within `deadlineMs` even where Kafka is gone. */
  leave(deadlineMs: number): Promise<void>;
}

/**
 * Keeps a member in a group until `leave`, whatever happens to Kafka. It joins, and sends heartbeats on a connection of its
 * own. Where the coordinator fails or moves, the member goes on at the next one as who it was: the coordinators keep
 * the group's members and generation in Kafka, so nothing is assigned again, and no join waits for a member that is gone.
 */
export function joinGroup(options: GroupOptions): Membership {
  const { kafka, clock, limits, topics } = options;
  const wire = openCluster(kafka);
  const group = groupRequests(wire, options);
  const leaving = new AbortController();
  let place = NEWCOMER;
  let claim: Claim = { owned: [], generation: 0 };

  const join = async (): Promise<void> => {
    const joined = await group.join(place.memberId, encodeClaim(topics, claim));
    const { memberId, generationId: generation } = joined;
    const assignments = memberId === joined.leaderId ? await assign(wire, topics, joined.members) : [];
    const { memberAssignment } = await group.sync({ memberId, generation }, assignments);
    if (leaving.signal.aborted) return;
    place = { memberId, generation };
    claim = { owned: ownedIn(memberAssignment, topics[0] ?? ''), generation: clock.now() };
    options.onAssigned(claim.owned);
  };
  const stay = async (): Promise<void> => {
    for (let failures = 0; !leaving.signal.aborted;) {
      try {
        await (place.generation === null ? join() : group.heartbeat(place));
        failures = 0;
        options.onAnswer();
        await clock.sleep(limits.heartbeatIntervalMs, leaving.signal);
      } catch (error) {
        const next = placeAfter(place, refusalOf(error));
        const goesOn = next !== place;
        place = next;
        if (goesOn || leaving.signal.aborted) continue;
        options.onOutage(error);
        const { least, most } = limits.backoffMs;
        await clock.sleep(Math.min(most, least * 2 ** failures++), leaving.signal);
      }
    }
  };
  const ended = stay();

  /** On another connection: a broker answers a connection's requests one by one, and a join may take long. */
  const leave = async (): Promise<void> => {
    if (place.memberId === '') await ended;
    const another = openCluster(kafka);
    if (place.memberId !== '')
      await groupRequests(another, options)
        .leave(place.memberId)
        .catch(() => undefined);
    await Promise.allSettled([another.close(), wire.close(), ended]);
  };
  return {
    async commit(partition, positions) {
      const offsetOf = (topic: number): string => String(positions[topic] ?? 0);
      await group.commit(
        place,
        topics.map((topic, index) => ({ topic, partitions: [{ partition, offset: offsetOf(index) }] })),
      );
    },
    async leave(deadlineMs) {
      leaving.abort();
      const timer = new AbortController();
      await Promise.race([leave(), clock.sleep(deadlineMs, timer.signal)]);
      timer.abort();
    },
  };
}

/** Throws where a topic is missing: there is nothing to assign then. */
async function assign(wire: KafkaCluster, topics: readonly string[], members: readonly Joined[]) {
  const counts = await wire.partitionCounts(topics);
  return assignmentsOf(
    members,
    topics,
    Math.min(...counts.map((count) => must(count, 'a topic of the group'))),
  );
}

/** The requests of a member to the coordinator of its group, each made once. */
function groupRequests(wire: KafkaCluster, { groupId, limits }: GroupOptions) {
  const ask = <T>(request: (coordinator: BrokerInside) => Promise<T>): Promise<T> =>
    wire.askCoordinator({ kind: 'group', id: groupId }, request);
  return {
    /** Refused with `MEMBER_ID_REQUIRED` where there is no id yet: kafkajs' own method hides the id that comes with it. */
    join: (memberId: string, metadata: Buffer) => {
      const { sessionTimeoutMs: sessionTimeout, rebalanceTimeoutMs: rebalanceTimeout } = limits;
      const groupProtocols = [{ name: PROTOCOL, metadata }];
      const named = { groupId, memberId, protocolType: 'consumer', groupProtocols };
      const request = joinGroupRequest({ version: 5 })({ ...named, sessionTimeout, rebalanceTimeout });
      return ask((coordinator) => coordinator.connectionPool.send(request) as Promise<JoinAnswer>);
    },
    sync: ({ memberId, generation }: Place, groupAssignment: readonly Assignment[]) =>
      ask((coordinator) =>
        coordinator.syncGroup({ groupId, memberId, generationId: generation ?? -1, groupAssignment }),
      ),
    heartbeat: ({ memberId, generation }: Place) =>
      ask((coordinator) => coordinator.heartbeat({ groupId, memberId, groupGenerationId: generation ?? -1 })),
    commit: ({ memberId, generation }: Place, topics: readonly TopicOffsets[]) =>
      ask((coordinator) =>
        coordinator.offsetCommit({ groupId, memberId, groupGenerationId: generation ?? -1, topics }),
      ),
    leave: (memberId: string) => ask((coordinator) => coordinator.leaveGroup({ groupId, memberId })),
  };
}

interface JoinAnswer {
  readonly memberId: string;
  readonly leaderId: string;
  readonly generationId: number;
  /** Of all members for the leader, empty for the others. */
  readonly members: readonly Joined[];
}
