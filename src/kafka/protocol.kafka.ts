import { AssignerProtocol } from 'kafkajs';
import { assignPartitions, type Member } from '../log/assigner';
import { readsAny } from '../log/groups';
import { topicsIn } from './groups.kafka';

/*
 * What members of a group tell each other through its coordinator, in the encoding of Kafka's consumer protocol: the
 * claims by which they join, and the assignments that the leader makes of them.
 */

/** Named by all members of a group; members of another name cannot join it. */
export const PROTOCOL = 'efs-co-partitioned';

const { MemberMetadata, MemberAssignment } = AssignerProtocol;
const VERSION = 1;

/** What a member tells the group of itself at each join. */
export interface Claim {
  readonly owned: readonly number[];
  /** When it was given them, in milliseconds: only compared, to tell a former owner from the present one. */
  readonly generation: number;
}

/** A member as the coordinator shows it to the leader. */
export interface Joined {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

export interface Assignment {
  readonly memberId: string;
  readonly memberAssignment: Buffer;
}

export function encodeClaim(topics: readonly string[], claim: Claim): Buffer {
  const userData = Buffer.from(JSON.stringify(claim));
  return MemberMetadata.encode({ version: VERSION, topics: [...topics], userData });
}

/** The leader's part: gives each of `partitions` numbers, of every topic, to one of the members. */
export function assignmentsOf(
  members: readonly Joined[],
  topics: readonly string[],
  partitions: number,
): Assignment[] {
  // Strangers get nothing: what they were given would be read by nobody.
  const workers = members.filter(({ memberMetadata }) =>
    readsAny({ topics: topicsIn(memberMetadata) }, topics),
  );
  const claims = workers.map(({ memberId, memberMetadata }) =>
    readClaim(memberId, MemberMetadata.decode(memberMetadata)?.userData ?? null),
  );
  const assigned = assignPartitions(claims, partitions);
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
