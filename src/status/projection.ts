import type { PolicyName } from '../feedback/feedback';
import { failureTypeOf, reasonOf } from '../feedback/qualification';
import type { FailureType, Reason, Status } from '../feedback/records';
import type { MessageAggregate } from './message';
import { decisionOf, POLICIES, policyOf } from './policy';

/** The status of a message in the delivery log. Reason and type are null while no failure is known. */
export interface MessageStatus {
  readonly status: Status;
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

interface Failure {
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

const NO_FAILURE: Failure = { reason: null, failureType: null };
const UNEXPLAINED: Failure = { reason: 'NOT_DEFINED', failureType: 'IGNORED' };

/** Status, reason and type of a message, by the policy that its relays name, or else the default. */
export function statusOf(message: MessageAggregate, defaultPolicy: PolicyName): MessageStatus {
  const decision = decisionOf(message.outcome);
  const { status } = POLICIES[policyOf(message.named, defaultPolicy)];
  const { reason, failureType } = failureOf(message);
  return { status: status[decision], reason, failureType };
}

/** A success clears the reason; a failure has that of its class, or else that of the last soft bounce. */
function failureOf(message: MessageAggregate): Failure {
  const { outcome, softBounce } = message;
  switch (decisionOf(outcome)) {
    case 'success':
      return NO_FAILURE;
    case 'none':
      return failureOfClass(softBounce) ?? NO_FAILURE;
    default:
      return failureOfClass(outcome) ?? failureOfClass(softBounce) ?? UNEXPLAINED;
  }
}

function failureOfClass(bounce: { bounceClass: number | null; reason: number } | null): Failure | null {
  if (bounce === null || bounce.bounceClass === null) return null;
  return { reason: reasonOf(bounce.reason), failureType: failureTypeOf(bounce.bounceClass) };
}
