import { unreachable } from '../base/assert';
import { parseDomainGroups } from '../base/domain-groups';
import type { PolicyName } from '../feedback/feedback';
import { KIND, type MessageAggregate, type Outcome, RANK } from '../status/message';
import { decisionOf, POLICIES, policyOf } from '../status/policy';
import { statusOf } from '../status/projection';
import { type DomainGroups, domainGroups } from './domains';
import { addDomain, addHour, addReason, type Counter, hourKeyOf, type Totals } from './kpis';

/** The rules by which a message is counted: fixed for a generation. */
export interface CountingRules {
  readonly defaultPolicy: PolicyName;
  readonly groups: DomainGroups;
}

/** The rules of a state that was built with these settings. */
export function countingRules(settings: {
  readonly defaultPolicy: PolicyName;
  /** Canonical text. */
  readonly domainGroups: string;
}): CountingRules {
  const groups = domainGroups(parseDomainGroups(settings.domainGroups).groups);
  return { defaultPolicy: settings.defaultPolicy, groups };
}

/**
 * Adds the counts of one message to the totals (`sign` 1), or subtracts them (−1). A change of a message subtracts its
 * counts from before and adds those from after. Events themselves are never counted.
 */
export function countMessage(
  totals: Totals,
  message: MessageAggregate,
  sign: 1 | -1,
  rules: CountingRules,
): void {
  const { status, reason } = statusOf(message, rules.defaultPolicy);
  const decision = decisionOf(message.outcome);
  const sent = status === 'SENT';
  const failed = status === 'FAILED';
  const softBounced = message.softBounce !== null;

  totals.relayed += sign;
  // Named one by one: a computed name would cost the engine a look-up for every message.
  if (sent) totals.sent += sign;
  else if (failed) totals.failed += sign;
  else totals.takenIntoAccount += sign;
  if (decision === 'success') totals.delivered += sign;
  if (softBounced) {
    totals.softBounced += sign;
    if (decision === 'none') totals.waitingForRetry += sign;
    if (decision === 'success') totals.recovered += sign;
  }
  if (message.complainedAt !== null) totals.complained += sign;
  addDomain(
    totals,
    rules.groups.nameOf(message.relay.domainGroup),
    { relayed: 1, sent: Number(sent), failed: Number(failed), softBounced: Number(softBounced) },
    sign,
  );
  if (sent) addHour(totals, hourKeyOf(successAt(message, rules.defaultPolicy)), sign, 0);
  if (failed && message.outcome !== null) {
    totals[failureCounter(message.outcome)] += sign;
    if (reason !== null) addReason(totals, reason, sign);
    addHour(totals, hourKeyOf(message.outcome.at), 0, sign);
  }
}

/** A success counts in its own hour or in the relay's, by the message's policy. */
function successAt(message: MessageAggregate, defaultPolicy: PolicyName): number {
  const { successHour } = POLICIES[policyOf(message.named, defaultPolicy)];
  return successHour === 'success' && message.outcome !== null ? message.outcome.at : message.relay.at;
}

/** The counter of a failed message, by its outcome. */
function failureCounter(outcome: Outcome): Counter {
  switch (outcome.kind) {
    case KIND.BOUNCED:
      return outcome.rank === RANK.ASYNCHRONOUS ? 'failedByAsyncBounce' : 'failedByHardBounce';
    case KIND.RETRY_FAILED:
      return 'failedByRetry';
    case KIND.RETRY_EXPIRED:
      return 'failedByExpiry';
    case KIND.DELIVERED:
    case KIND.RETRY_SUCCEEDED:
      throw new Error('a success has no failure counter');
    default:
      return unreachable(outcome.kind);
  }
}
