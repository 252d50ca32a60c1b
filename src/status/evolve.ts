import { unreachable } from '../base/assert';
import { VALIDITY_MAX_MS } from '../base/time';
import type { Feedback, Millis, PolicyName } from '../feedback/feedback';
import type { HardBounced, RetryOutcome, SoftBounced } from '../feedback/records';
import { isComplaint, qualify, REASON_NUMBERS } from '../feedback/qualification';
import {
  KIND,
  type MessageAggregate,
  messageAggregate,
  messageOutcome,
  type Outcome,
  type OutcomeKind,
  type OutcomeRank,
  RANK,
  type RelayFacts,
  type RelayRank,
  type SoftBounceFacts,
} from './message';
import { POLICIES } from './policy';

/**
 * Folds one feedback into a message's aggregate (null: the message is new). Total, pure, and a join: the result depends on
 * the set of feedback folded, not on order or repetition. Returns the same object where the feedback changes nothing.
 *
 * `domainGroupOf` gives the index of a recipient domain's group in the list sorted by name.
 */
export function evolve(
  before: MessageAggregate | null,
  feedback: Feedback,
  domainGroupOf: (domain: string) => number,
): MessageAggregate {
  const relay = relayFacts(feedback, domainGroupOf);
  const relayed = before === null ? newMessage(relay) : withRelay(before, relay);
  switch (feedback.kind) {
    case 'Relayed':
      return withPolicy(withValidity(relayed, feedback.validityPeriodMs), feedback.policy);
    case 'Delivered':
      return withOutcome(relayed, success(RANK.OBSERVED, feedback.occurredAt, KIND.DELIVERED));
    case 'HardBounced':
      return withBounce(relayed, feedback);
    case 'SoftBounced':
      return feedback.source === 'ASYNC' ? withBounce(relayed, feedback) : withSoftBounce(relayed, feedback);
    case 'RetryOutcome':
      return withRetryOutcome(relayed, feedback);
    case 'Complained':
      return isComplaint(feedback.feedbackType) ? withComplaint(relayed, feedback.occurredAt) : relayed;
    default:
      return unreachable(feedback);
  }
}

function newMessage(relay: RelayFacts): MessageAggregate {
  return messageAggregate(relay, 0, VALIDITY_MAX_MS, null, null, null);
}

/** Every feedback implies a relay. A `Relayed` has its best time, another record's `relayedAt` the second best. */
function relayFacts(feedback: Feedback, domainGroupOf: (domain: string) => number): RelayFacts {
  const domainGroup = domainGroupOf(feedback.recipientDomain);
  if (feedback.kind === 'Relayed') return { rank: 0, at: feedback.occurredAt, domainGroup };
  const rank: RelayRank = feedback.relayedAt === null ? 2 : 1;
  return { rank, at: feedback.relayedAt ?? feedback.occurredAt, domainGroup };
}

function withRelay(message: MessageAggregate, incoming: RelayFacts): MessageAggregate {
  const known = message.relay;
  const order =
    incoming.rank - known.rank || incoming.at - known.at || incoming.domainGroup - known.domainGroup;
  if (order >= 0) return message;
  const { named, validityMs, softBounce, outcome, complainedAt } = message;
  return messageAggregate(incoming, named, validityMs, softBounce, outcome, complainedAt);
}

function withValidity(message: MessageAggregate, validityPeriodMs: number | null): MessageAggregate {
  if (validityPeriodMs === null || validityPeriodMs >= message.validityMs) return message;
  const { relay, named, softBounce, outcome, complainedAt } = message;
  return messageAggregate(relay, named, validityPeriodMs, softBounce, outcome, complainedAt);
}

function withPolicy(message: MessageAggregate, policy: PolicyName | null): MessageAggregate {
  const named = policy === null ? message.named : message.named | POLICIES[policy].flag;
  if (named === message.named) return message;
  const { relay, validityMs, softBounce, outcome, complainedAt } = message;
  return messageAggregate(relay, named, validityMs, softBounce, outcome, complainedAt);
}

function withSoftBounce(message: MessageAggregate, bounce: SoftBounced): MessageAggregate {
  const qualification = qualify(bounce.bounceClass, bounce.diagnostic);
  if (qualification === 'not-a-failure') return message;
  const incoming: SoftBounceFacts = {
    at: bounce.occurredAt,
    bounceClass: bounce.bounceClass,
    reason: REASON_NUMBERS[qualification.reason],
  };
  const last = message.softBounce;
  const order =
    last === null
      ? 1
      : incoming.at - last.at || incoming.bounceClass - last.bounceClass || incoming.reason - last.reason;
  if (order <= 0) return message;
  const { relay, named, validityMs, outcome, complainedAt } = message;
  return messageAggregate(relay, named, validityMs, incoming, outcome, complainedAt);
}

/** The earliest complaint is kept: a minimum, like every part of the aggregate, is the same in any order. */
function withComplaint(message: MessageAggregate, at: Millis): MessageAggregate {
  if (message.complainedAt !== null && message.complainedAt <= at) return message;
  const { relay, named, validityMs, softBounce, outcome } = message;
  return messageAggregate(relay, named, validityMs, softBounce, outcome, at);
}

function withBounce(message: MessageAggregate, bounce: HardBounced | SoftBounced): MessageAggregate {
  const rank = bounce.source === 'ASYNC' ? RANK.ASYNCHRONOUS : RANK.OBSERVED;
  return withFailure(message, rank, bounce, KIND.BOUNCED);
}

function withRetryOutcome(message: MessageAggregate, retry: RetryOutcome): MessageAggregate {
  const rank = retry.inferred ? RANK.INFERRED : RANK.OBSERVED;
  switch (retry.outcome) {
    case 'SUCCEEDED':
      return withOutcome(message, success(rank, retry.occurredAt, KIND.RETRY_SUCCEEDED));
    case 'EXPIRED':
      return withFailure(message, rank, retry, KIND.RETRY_EXPIRED);
    case 'FAILED':
      return withFailure(message, rank, retry, KIND.RETRY_FAILED);
    default:
      return unreachable(retry.outcome);
  }
}

function success(rank: OutcomeRank, at: number, kind: OutcomeKind): Outcome {
  return messageOutcome(rank, kind, at, null, 0);
}

function withFailure(
  message: MessageAggregate,
  rank: OutcomeRank,
  failure: { occurredAt: number; bounceClass: number | null; diagnostic: string | null },
  kind: OutcomeKind,
): MessageAggregate {
  if (failure.bounceClass === null) {
    return withOutcome(message, messageOutcome(rank, kind, failure.occurredAt, null, 0));
  }
  const qualification = qualify(failure.bounceClass, failure.diagnostic);
  if (qualification === 'not-a-failure') return message;
  const reason = REASON_NUMBERS[qualification.reason];
  return withOutcome(message, messageOutcome(rank, kind, failure.occurredAt, failure.bounceClass, reason));
}

function withOutcome(message: MessageAggregate, incoming: Outcome): MessageAggregate {
  if (message.outcome !== null && compareOutcomes(incoming, message.outcome) <= 0) return message;
  const { relay, named, validityMs, softBounce, complainedAt } = message;
  return messageAggregate(relay, named, validityMs, softBounce, incoming, complainedAt);
}

/** A total order by content, so that no event id has to be kept: the greatest outcome decides. */
function compareOutcomes(a: Outcome, b: Outcome): number {
  return (
    a.rank - b.rank ||
    a.at - b.at ||
    a.kind - b.kind ||
    compareClasses(a.bounceClass, b.bounceClass) ||
    a.reason - b.reason
  );
}

/** No class counts below any class, also below a negative one. */
function compareClasses(a: number | null, b: number | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return a - b;
}
