/** The metadata with which a member joins the group. */
export interface Member {
  readonly id: string;
  /** Numbers of the partitions it has owned until now. */
  readonly owned: readonly number[];
  /** The group generation in which they were assigned to it; the later one wins a conflict. */
  readonly generation: number;
}

/**
 * Assigns every partition to exactly one member: partition p stands for p of every topic, so co-partitioned records are
 * read by one member. Balanced (most and least differ by at most one), with as few moves as balance allows, independent of
 * the order of the members. Owned partitions out of range are ignored; of two owners the later group generation wins, then
 * the lesser id. Lists are sorted; without members the result is empty.
 */
export function assignPartitions(
  members: readonly Member[],
  partitions: number,
): ReadonlyMap<string, readonly number[]> {
  const kept = resolveOwners(members, partitions);
  const floor = members.length === 0 ? 0 : Math.floor(partitions / members.length);
  const larger = members.length === 0 ? 0 : partitions % members.length;
  // Members with most partitions get the larger shares: each share given elsewhere would be one more move.
  const byOwned = [...kept].sort(([a, x], [b, y]) => y.length - x.length || compareIds(a, b));
  const shares = byOwned.map(([id, owned], rank) => ({
    id,
    share: floor + (rank < larger ? 1 : 0),
    owned,
  }));
  const retained = new Set(shares.flatMap(({ share, owned }) => owned.slice(0, share)));
  const free = numbersBelow(partitions).filter((partition) => !retained.has(partition));
  const assigned = new Map<string, readonly number[]>();
  for (const { id, share, owned } of shares.sort((a, b) => compareIds(a.id, b.id))) {
    const staying = owned.slice(0, share);
    const added = free.splice(0, share - staying.length);
    assigned.set(
      id,
      [...staying, ...added].sort((a, b) => a - b),
    );
  }
  return assigned;
}

function resolveOwners(members: readonly Member[], partitions: number): Map<string, number[]> {
  const winners = new Map<number, Member>();
  for (const member of members) {
    for (const partition of member.owned) {
      if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) continue;
      const rival = winners.get(partition);
      if (rival === undefined || outranks(member, rival)) winners.set(partition, member);
    }
  }
  const kept = new Map<string, number[]>(members.map(({ id }) => [id, []]));
  for (const partition of numbersBelow(partitions)) {
    const winner = winners.get(partition);
    if (winner !== undefined) kept.get(winner.id)?.push(partition);
  }
  return kept;
}

function outranks(a: Member, b: Member): boolean {
  return a.generation === b.generation ? compareIds(a.id, b.id) < 0 : a.generation > b.generation;
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function numbersBelow(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
