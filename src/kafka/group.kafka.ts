import type { Kafka } from 'kafkajs';
import { protocol as joinGroupRequest } from 'kafkajs/src/protocol/requests/joinGroup';
import { must } from '../base/assert';
import { backoffMs } from '../base/backoff';
import { type Clock, systemRandom } from '../base/clock';
import { refusalOf } from './failure.kafka';
import type { BrokerInside, TopicOffsets } from './inside.kafka';
import { NO_PLACE, type Place, placeAfter } from './membership';
import {
  type Assignment,
  assignmentsOf,
  encodeMetadata,
  type Joined,
  ownedIn,
  type Ownership,
  PROTOCOL,
} from './protocol.kafka';
import { openCluster, type KafkaCluster } from './cluster.kafka';

/** Timing of a group membership, in milliseconds. */
export interface GroupLimits {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
}

export interface GroupOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly limits: GroupLimits;
  /** The complete list of partitions owned from now on; at every join, changed or not. */
  onAssigned(partitions: readonly number[]): void;
  /** The coordinator does not answer; the member retries. Called at every failure. */
  onOutage(error: unknown): void;
  /** The coordinator answers. Called at every success. */
  onAnswer(): void;
}

export interface Membership {
  /** Does nothing for a partition that is not the member's. Rejects while the member has no place in the group. */
  commit(partition: number, positions: readonly number[]): Promise<void>;
  /** Leaves; resolves within `deadlineMs` even where Kafka does not answer. */
  leave(deadlineMs: number): Promise<void>;
}

/**
 * Keeps a member in a group until `leave`, through any outage of Kafka. It joins, and sends heartbeats on a connection of
 * its own. Where the coordinator fails or moves, the member continues at the next one under the same id: coordinators keep
 * the group's members and generation in Kafka, so nothing is reassigned, and no join waits for a member that is gone.
 */
export function joinGroup(options: GroupOptions): Membership {
  const { kafka, clock, limits, topics } = options;
  const cluster = openCluster(kafka);
  const group = groupRequests(cluster, options);
  const leaving = new AbortController();
  let place = NO_PLACE;
  let ownership: Ownership = { owned: [], generation: 0 };

  const join = async (): Promise<void> => {
    const joined = await group.join(place.memberId, encodeMetadata(topics, ownership));
    const { memberId, generationId: generation } = joined;
    const assignments = memberId === joined.leaderId ? await assign(cluster, topics, joined.members) : [];
    const { memberAssignment } = await group.sync({ memberId, generation }, assignments);
    if (leaving.signal.aborted) return;
    place = { memberId, generation };
    ownership = { owned: ownedIn(memberAssignment, topics[0] ?? ''), generation: clock.now() };
    options.onAssigned(ownership.owned);
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
        const hasMoved = next !== place;
        place = next;
        if (hasMoved || leaving.signal.aborted) continue;
        options.onOutage(error);
        await clock.sleep(backoffMs(failures++, systemRandom), leaving.signal);
      }
    }
  };
  const ended = stay();

  /** Uses another connection: a broker answers a connection's requests one by one, and a join may take long. */
  const leave = async (): Promise<void> => {
    if (place.memberId === '') await ended;
    const another = openCluster(kafka);
    if (place.memberId !== '')
      await groupRequests(another, options)
        .leave(place.memberId)
        .catch(() => undefined);
    await Promise.allSettled([another.close(), cluster.close(), ended]);
  };
  return {
    async commit(partition, positions) {
      if (!ownership.owned.includes(partition)) return;
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
async function assign(cluster: KafkaCluster, topics: readonly string[], members: readonly Joined[]) {
  const counts = await cluster.partitionCounts(topics);
  return assignmentsOf(
    members,
    topics,
    Math.min(...counts.map((count) => must(count, 'a topic of the group'))),
  );
}

/** A member's requests to the coordinator of its group; no retries. */
function groupRequests(cluster: KafkaCluster, { groupId, limits }: GroupOptions) {
  const ask = <T>(request: (coordinator: BrokerInside) => Promise<T>): Promise<T> =>
    cluster.askCoordinator({ kind: 'group', id: groupId }, request);
  return {
    /** Refused with `MEMBER_ID_REQUIRED` where there is no id yet: kafkajs' method hides the id in that answer. */
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
