import type { PolicyName } from '../feedback/feedback';
import type { Status } from '../feedback/records';
import type { Outcome } from './message';
import { KIND } from './message';

/** The kind of outcome that decides a message, as policies distinguish it. */
export type Decision = 'none' | 'success' | 'bounce' | 'retry-failed' | 'retry-expired';

/** How feedback becomes status and Success. Another policy is another row of the table below. */
interface Policy {
  /** One bit, by which a message's aggregate keeps that a relay names the policy. Stored. */
  readonly flag: number;
  /** The field by which a contribution keeps the same of a delivery. */
  readonly field: string;
  /** The status of a message by its decision. */
  readonly status: Readonly<Record<Decision, Status>>;
  /** Which moment's hour a success counts in: when it was reported, or when the message was relayed. */
  readonly successHour: 'success' | 'relay';
  /** Whether Success is shown while there are only relays. */
  readonly showsSuccessBeforeFeedback: boolean;
  /** Whether the end of the validity period fails any message without an outcome, or only one that has soft-bounced. */
  readonly expires: 'without an outcome' | 'after a soft bounce';
}

/** The policies, by precedence: of several that are named for a message or a delivery, the first decides. */
export const POLICIES = {
  /** With the Email Feedback Service: relayed is not yet sent; Success starts at 0 % and rises. */
  EFS: {
    flag: 1,
    field: 'saysEfs',
    status: {
      none: 'TAKEN_INTO_ACCOUNT',
      success: 'SENT',
      bounce: 'FAILED',
      'retry-failed': 'FAILED',
      'retry-expired': 'FAILED',
    },
    successHour: 'success',
    showsSuccessBeforeFeedback: false,
    expires: 'without an outcome',
  },
  /** Without it: relayed is sent; Success starts at 100 % and falls. */
  RELAY: {
    flag: 2,
    field: 'saysRelay',
    status: {
      none: 'SENT',
      success: 'SENT',
      bounce: 'FAILED',
      'retry-failed': 'FAILED',
      'retry-expired': 'FAILED',
    },
    successHour: 'relay',
    showsSuccessBeforeFeedback: true,
    expires: 'after a soft bounce',
  },
} as const satisfies Readonly<Record<PolicyName, Policy>>;

export const POLICY_NAMES = Object.keys(POLICIES) as readonly PolicyName[];

/** The policy by the flags of those that are named, or else the default. */
export function policyOf(named: number, defaultPolicy: PolicyName): PolicyName {
  for (const name of POLICY_NAMES) if ((named & POLICIES[name].flag) !== 0) return name;
  return defaultPolicy;
}

const DECISIONS: Readonly<Record<Outcome['kind'], Decision>> = {
  [KIND.DELIVERED]: 'success',
  [KIND.RETRY_SUCCEEDED]: 'success',
  [KIND.RETRY_EXPIRED]: 'retry-expired',
  [KIND.RETRY_FAILED]: 'retry-failed',
  [KIND.BOUNCED]: 'bounce',
};

export function decisionOf(outcome: Outcome | null): Decision {
  return outcome === null ? 'none' : DECISIONS[outcome.kind];
}
