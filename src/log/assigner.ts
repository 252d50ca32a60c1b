/** What a member of the group says of itself when it joins. */
export interface Member {
  readonly id: string;
  /** Partition numbers it owned until now. */
  readonly owned: readonly number[];
  /** The generation of the group in which it came to own them; the later claim wins a conflict. */
  readonly generation: number;
}

/**
 * Gives every partition to exactly one member: partition p stands for p of every topic, so co-partitioned records meet
 * in one place. Balanced (most and least differ by at most one), as few moves as balance allows, and the same answer
 * whatever order the members come in. Claims out of range are ignored; of two claims the later generation wins, then
 * the lesser id. Lists come sorted; without members the answer is empty.
 */
export function assignPartitions(
  members: readonly Member[],
  partitions: number,
): ReadonlyMap<string, readonly number[]> {
  const kept = settleClaims(members, partitions);
  const floor = members.length === 0 ? 0 : Math.floor(partitions / members.length);
  const larger = members.length === 0 ? 0 : partitions % members.length;
  // Whoever holds most gets the larger shares: each share given elsewhere would be one more move.
  const byHoldings = [...kept].sort(([a, x], [b, y]) => y.length - x.length || compareIds(a, b));
  const shares = byHoldings.map(([id, owned], rank) => ({
    id,
    share: floor + (rank < larger ? 1 : 0),
    owned,
  }));
  const settled = new Set(shares.flatMap(({ share, owned }) => owned.slice(0, share)));
  const free = numbersBelow(partitions).filter((partition) => !settled.has(partition));
  const assigned = new Map<string, readonly number[]>();
  for (const { id, share, owned } of shares.sort((a, b) => compareIds(a.id, b.id))) {
    const stays = owned.slice(0, share);
    const comes = free.splice(0, share - stays.length);
    assigned.set(
      id,
      [...stays, ...comes].sort((a, b) => a - b),
    );
  }
  return assigned;
}

function settleClaims(members: readonly Member[], partitions: number): Map<string, number[]> {
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
