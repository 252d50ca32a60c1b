import type { Millis, PolicyName } from '../feedback/feedback';
import type { MessageAggregate } from './message';
import { POLICIES, policyOf } from './policy';

/**
 * When a message without an outcome counts as failed: at the end of its validity period, in milliseconds since 1970. Null
 * where it cannot expire: it has an outcome, or its policy counts it as sent until it has soft-bounced.
 */
export function deadlineOf(message: MessageAggregate, defaultPolicy: PolicyName): Millis | null {
  if (message.outcome !== null) return null;
  const { expires } = POLICIES[policyOf(message.named, defaultPolicy)];
  if (expires === 'after a soft bounce' && message.softBounce === null) return null;
  return message.relay.at + message.validityMs;
}
