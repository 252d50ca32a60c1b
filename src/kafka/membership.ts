/** A member's place in its group. It survives a change of the coordinator. */
export interface Place {
  /** Assigned by the coordinator; empty before the first join. */
  readonly memberId: string;
  /** The group's generation in which the member was assigned its partitions; null where it must join. */
  readonly generation: number | null;
}

export const NO_PLACE: Place = { memberId: '', generation: null };

/** The coordinator's refusal of a request, by Kafka's name for it. */
export interface Refusal {
  readonly type: string;
  /** With `MEMBER_ID_REQUIRED` only: the id to join with. */
  readonly memberId?: string;
}

/**
 * The place from which a member continues after a failed request. The very same object where it must only find the
 * coordinator and retry: it keeps its id and, once a coordinator has loaded the group, its generation.
 */
export function placeAfter(place: Place, refusal: Refusal | null): Place {
  switch (refusal?.type) {
    case 'MEMBER_ID_REQUIRED':
      return { memberId: refusal.memberId ?? '', generation: null };
    case 'UNKNOWN_MEMBER_ID':
      return NO_PLACE;
    case 'REBALANCE_IN_PROGRESS':
    case 'ILLEGAL_GENERATION':
      return { memberId: place.memberId, generation: null };
    default:
      return place;
  }
}
