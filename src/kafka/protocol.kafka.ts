import { AssignerProtocol } from 'kafkajs';
import { assignPartitions, type Member } from '../log/assigner';
import { readsAny } from '../log/groups';
import { topicsIn } from './groups.kafka';

/*
 * The messages that group members exchange through the coordinator, in the encoding of Kafka's consumer protocol: the
 * metadata with which they join, and the assignments that the leader computes from it.
 */

/** The protocol name of all members of a group; members with another name cannot join it. */
export const PROTOCOL = 'efs-co-partitioned';

const { MemberMetadata, MemberAssignment } = AssignerProtocol;
const VERSION = 1;

/** The user data that a member sends at each join. */
export interface Ownership {
  readonly owned: readonly number[];
  /** When they were assigned, in milliseconds: only compared, to distinguish a former owner from the present one. */
  readonly generation: number;
}

/** A member as the coordinator describes it to the leader. */
export interface Joined {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

export interface Assignment {
  readonly memberId: string;
  readonly memberAssignment: Buffer;
}

export function encodeMetadata(topics: readonly string[], ownership: Ownership): Buffer {
  const userData = Buffer.from(JSON.stringify(ownership));
  return MemberMetadata.encode({ version: VERSION, topics: [...topics], userData });
}

/** The leader's assignment: each of the `partitions` numbers, of every topic, to one member. */
export function assignmentsOf(
  members: readonly Joined[],
  topics: readonly string[],
  partitions: number,
): Assignment[] {
  // Strangers get no partitions: they would not read them.
  const workers = members.filter(({ memberMetadata }) =>
    readsAny({ topics: topicsIn(memberMetadata) }, topics),
  );
  const owners = workers.map(({ memberId, memberMetadata }) =>
    readOwnership(memberId, MemberMetadata.decode(memberMetadata)?.userData ?? null),
  );
  const assigned = assignPartitions(owners, partitions);
  return members.map(({ memberId }) => {
    const owned = [...(assigned.get(memberId) ?? [])];
    const assignment = Object.fromEntries(topics.map((topic) => [topic, owned]));
    const userData = Buffer.alloc(0);
    return {
      memberId,
      memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData }),
    };
  });
}

/** The partition numbers of an assignment, sorted; it names the same ones for every topic. */
export function ownedIn(memberAssignment: Buffer, topic: string): number[] {
  const owned = MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [];
  return [...owned].sort((a, b) => a - b);
}

/** A member whose user data cannot be read owns nothing. */
function readOwnership(id: string, userData: Buffer | null): Member {
  try {
    const { owned, generation } = JSON.parse(String(userData)) as Partial<Ownership>;
    if (Array.isArray(owned) && owned.every(Number.isInteger) && Number.isFinite(generation)) {
      return { id, owned, generation: Number(generation) };
    }
  } catch {
    // Not JSON: another version of the service, or another program.
  }
  return { id, owned: [], generation: 0 };
}
