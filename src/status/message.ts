import type { Millis } from '../feedback/feedback';

/** How well the relay is known: by a `Relayed`, by another record's `relayedAt`, or only by a record's own time. */
export type RelayRank = 0 | 1 | 2;

export interface RelayFacts {
  readonly rank: RelayRank;
  readonly at: Millis;
  /** Index of the domain group in the generation's list, which is sorted by name: a lesser index is a lesser name. */
  readonly domainGroup: number;
}

/** The last synchronous soft bounce. */
export interface SoftBounceFacts {
  readonly at: Millis;
  readonly bounceClass: number;
  /** Campaign's number. */
  readonly reason: number;
}

/** Inferred by a timer, observed by the MTA, or bounced after acceptance: a higher one beats a lower one. */
export const RANK = { INFERRED: 0, OBSERVED: 1, ASYNCHRONOUS: 2 } as const;
export type OutcomeRank = (typeof RANK)[keyof typeof RANK];

export const KIND = {
  DELIVERED: 1,
  RETRY_SUCCEEDED: 2,
  RETRY_EXPIRED: 3,
  RETRY_FAILED: 4,
  BOUNCED: 5,
} as const;
export type OutcomeKind = (typeof KIND)[keyof typeof KIND];

/** The feedback that decides a message. */
export interface Outcome {
  readonly rank: OutcomeRank;
  readonly at: Millis;
  readonly kind: OutcomeKind;
  /** Null for a success and where the MTA named none. */
  readonly bounceClass: number | null;
  /** Campaign's number; 0 where there is no class. */
  readonly reason: number;
}

/**
 * The state of one message. It is a join: each part only ever moves up its order, so the same set of feedback gives the
 * same aggregate in any order and any number of times.
 */
export interface MessageAggregate {
  readonly relay: RelayFacts;
  /** The flags of the policies that the message's own relays name (policy.ts). */
  readonly named: number;
  /** The least validity given, at most 84 h. */
  readonly validityMs: Millis;
  readonly softBounce: SoftBounceFacts | null;
  readonly outcome: Outcome | null;
  /** The earliest complaint. It changes neither status nor reason. */
  readonly complainedAt: Millis | null;
}

/*
 * Aggregates and outcomes are created only here, so that the engine gives each one hidden class: they are created and read
 * for every record, and copies by spread would have several.
 */

export function messageAggregate(
  relay: RelayFacts,
  named: number,
  validityMs: Millis,
  softBounce: SoftBounceFacts | null,
  outcome: Outcome | null,
  complainedAt: Millis | null,
): MessageAggregate {
  return { relay, named, validityMs, softBounce, outcome, complainedAt };
}

export function messageOutcome(
  rank: OutcomeRank,
  kind: OutcomeKind,
  at: Millis,
  bounceClass: number | null,
  reason: number,
): Outcome {
  return { rank, kind, at, bounceClass, reason };
}
