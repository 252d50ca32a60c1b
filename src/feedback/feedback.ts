import type {
  Complained,
  Delivered,
  HardBounced,
  Policy,
  Relayed,
  RetryOutcome,
  SoftBounced,
} from './records';

/** Milliseconds since 1970, UTC. */
export type Millis = number;

/** A policy by its name, under which `POLICIES` has it. */
export type PolicyName = Policy;

/** One event about one message, decoded and valid. */
export type Feedback = Relayed | Delivered | HardBounced | SoftBounced | RetryOutcome | Complained;
export type FeedbackKind = Feedback['kind'];
