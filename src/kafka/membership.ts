/** The place of a member in its group. It outlives the brokers that coordinate the group. */
export interface Place {
  /** Given by the coordinator; empty for a newcomer. */
  readonly memberId: string;
  /** The group's generation in which the member has its partitions; null where it has to join. */
  readonly generation: number | null;
}

export const NEWCOMER: Place = { memberId: '', generation: null };

/** An answer of the coordinator that refuses a request, by Kafka's name for it. */
export interface Refusal {
  readonly type: string;
  /** With `MEMBER_ID_REQUIRED` only: the id to join with. */
  readonly memberId?: string;
}

/**
 * Where a member is to go on from after a refused request. The very same place where all that helps is to look for the
 * coordinator and to ask again: it keeps its id and, a coordinator having loaded the group, its generation.
 */
export function placeAfter(place: Place, refusal: Refusal | null): Place {
  switch (refusal?.type) {
    case 'MEMBER_ID_REQUIRED':
      return { memberId: refusal.memberId ?? '', generation: null };
    case 'UNKNOWN_MEMBER_ID':
      return NEWCOMER;
    case 'REBALANCE_IN_PROGRESS':
    case 'ILLEGAL_GENERATION':
      return { memberId: place.memberId, generation: null };
    default:
      return place;
  }
}
