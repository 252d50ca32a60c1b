import type { PolicyName } from '../feedback/feedback';
import { type FailureType, failureTypeOf, type Reason, reasonOf } from '../feedback/qualification';
import { type MessageAggregate, policyOf } from './message';
import { decisionOf, POLICIES, type Status } from './policy';

/** What the delivery log shows for a message. Reason and type are null where nothing went wrong (yet). */
export interface MessageStatus {
  readonly status: Status;
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

interface Why {
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

const NOTHING_WRONG: Why = { reason: null, failureType: null };
const UNEXPLAINED: Why = { reason: 'NOT_DEFINED', failureType: 'IGNORED' };

/** Status, reason and type of a message, by the policy that its relays or else the instance name. */
export function statusOf(message: MessageAggregate, defaultPolicy: PolicyName): MessageStatus {
  const decision = decisionOf(message.outcome);
  const { status } = POLICIES[policyOf(message, defaultPolicy)];
  const { reason, failureType } = why(message);
  return { status: status[decision], reason, failureType };
}

/** A success clears the reason; a failure has its class's, or else what the last soft bounce said. */
function why(message: MessageAggregate): Why {
  const { outcome, softBounce } = message;
  switch (decisionOf(outcome)) {
    case 'success':
      return NOTHING_WRONG;
    case 'none':
      return classWhy(softBounce) ?? NOTHING_WRONG;
    default:
      return classWhy(outcome) ?? classWhy(softBounce) ?? UNEXPLAINED;
  }
}

function classWhy(bounce: { bounceClass: number | null; reason: number } | null): Why | null {
  if (bounce === null || bounce.bounceClass === null) return null;
  return { reason: reasonOf(bounce.reason), failureType: failureTypeOf(bounce.bounceClass) };
}
