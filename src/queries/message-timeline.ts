import { iso } from '../base/time';
import type { PolicyName } from '../feedback/feedback';
import { failureTypeOf, reasonOf } from '../feedback/qualification';
import type { FailureType, Reason } from '../feedback/records';
import { INPUT_TOPICS } from '../feedback/topics';
import { type MessageAggregate, type Outcome, RANK, type SoftBounceFacts } from '../status/message';
import { decisionOf, policyOf } from '../status/policy';
import { statusOf } from '../status/projection';
import { type DecidedBy, decidedBy } from './delivery-log';

/** The bounce class of an event and its meaning; null where the event has none. */
export interface BounceView {
  readonly bounceClass: number | null;
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

/** An event of a message, as far as its aggregate holds it. */
export interface TimelineEvent extends BounceView {
  /** ISO 8601. */
  readonly at: string;
  readonly event: 'RELAYED' | 'SOFT_BOUNCED' | 'COMPLAINED' | DecidedBy;
  readonly text: string;
  /** Whether it decides the status. */
  readonly decides: boolean;
  /** The topics its record may have come from, without the tenant's prefix. The offset is not kept. */
  readonly topics: readonly string[];
}

/** The events of a message in order of time, and why its status is what it is, in sentences. */
export interface MessageTimeline {
  readonly timeline: readonly TimelineEvent[];
  readonly why: readonly string[];
}

const [RELAYED, DELIVERED, HARD_BOUNCED, SOFT_BOUNCED, RETRY_OUTCOME, COMPLAINED] = INPUT_TOPICS as [
  string,
  string,
  string,
  string,
  string,
  string,
];

const TOPICS: Readonly<Record<DecidedBy, readonly string[]>> = {
  DELIVERED: [DELIVERED],
  RETRY_SUCCEEDED: [RETRY_OUTCOME],
  HARD_BOUNCE: [HARD_BOUNCED],
  ASYNC_BOUNCE: [HARD_BOUNCED, SOFT_BOUNCED],
  RETRY_FAILED: [RETRY_OUTCOME],
  EXPIRED: [RETRY_OUTCOME],
};

const RELAY_TEXTS = [
  'relayed to the MTA',
  'relayed to the MTA: the time is from other feedback, the relay event has not arrived',
  'seen for the first time: neither a relay event nor a relay time has arrived',
] as const;

const OUTCOME_TEXTS: Readonly<Record<DecidedBy, string>> = {
  DELIVERED: 'delivered',
  RETRY_SUCCEEDED: 'delivered by a retry',
  HARD_BOUNCE: 'refused for good by the receiving server',
  ASYNC_BOUNCE: 'came back as a bounce mail, after it had been accepted',
  RETRY_FAILED: 'the last retry failed',
  EXPIRED: 'the validity period ended without success',
};

/** The timeline of a message, from its aggregate. */
export function messageTimelineOf(message: MessageAggregate, defaultPolicy: PolicyName): MessageTimeline {
  return { timeline: eventsOf(message), why: whyOf(message, defaultPolicy) };
}

const NO_BOUNCE: BounceView = { bounceClass: null, reason: null, failureType: null };

function eventsOf({ relay, softBounce, outcome, complainedAt }: MessageAggregate): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  const add = (
    at: number,
    event: TimelineEvent['event'],
    text: string,
    topics: readonly string[],
    bounce = NO_BOUNCE,
    decides = false,
  ): void => void events.push({ at: iso(at), event, text, ...bounce, decides, topics });
  const [, ...inferredFrom] = INPUT_TOPICS;
  const relayedBy = relay.rank === 0 ? [RELAYED] : inferredFrom;
  add(relay.at, 'RELAYED', RELAY_TEXTS[relay.rank], relayedBy, NO_BOUNCE, outcome === null);
  if (softBounce !== null) {
    const text = 'soft-bounced: to be tried again (the last one of maybe several)';
    add(softBounce.at, 'SOFT_BOUNCED', text, [SOFT_BOUNCED], bounceOf(softBounce));
  }
  if (outcome !== null) {
    const event = decidedBy(outcome);
    const inferred =
      outcome.rank === RANK.INFERRED ? '; the service inferred it, the MTA has not reported it' : '';
    add(outcome.at, event, OUTCOME_TEXTS[event] + inferred, TOPICS[event], bounceOf(outcome), true);
  }
  if (complainedAt !== null) {
    const text = 'complained about by the recipient (the first time of maybe several)';
    add(complainedAt, 'COMPLAINED', text, [COMPLAINED]);
  }
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

export function bounceOf({ bounceClass, reason }: SoftBounceFacts | Outcome): BounceView {
  if (bounceClass === null) return NO_BOUNCE;
  return { bounceClass, reason: reasonOf(reason), failureType: failureTypeOf(bounceClass) };
}

function whyOf(message: MessageAggregate, defaultPolicy: PolicyName): string[] {
  const { status, reason, failureType } = statusOf(message, defaultPolicy);
  const source = message.named === 0 ? 'the default of this service' : 'as its relay event states';
  const policy = policyOf(message.named, defaultPolicy);
  const sentences = [`The policy is ${policy}, ${source}.`, decisionSentence(message, status === 'SENT')];
  const { outcome, softBounce } = message;
  if (status === 'FAILED' && reason !== null)
    sentences.push(
      `${reasonSource(outcome, softBounce)}: ${reason}, ${failureType}.${ADDRESS[failureType ?? 'IGNORED']}`,
    );
  if (status === 'SENT' && outcome !== null && softBounce !== null)
    sentences.push('It had soft-bounced before; a success clears the reason.');
  if (message.complainedAt !== null)
    sentences.push(
      `The recipient complained about it at ${iso(message.complainedAt)}: that changes neither status nor reason.`,
    );
  return sentences;
}

const ADDRESS: Readonly<Record<FailureType, string>> = {
  HARD: ' The address itself is bad.',
  SOFT: ' The address may work another time.',
  IGNORED: ' It says nothing about the address.',
};

function reasonSource(outcome: Outcome | null, softBounce: SoftBounceFacts | null): string {
  if (outcome !== null && outcome.bounceClass !== null)
    return `The reason follows from bounce class ${outcome.bounceClass}`;
  if (softBounce === null) return 'Nothing names a reason';
  return `The outcome names no bounce class, so the reason is the last soft bounce’s, class ${softBounce.bounceClass}`;
}

function decisionSentence(message: MessageAggregate, isSent: boolean): string {
  const { outcome, softBounce, relay, validityMs } = message;
  const at = outcome === null ? '' : iso(outcome.at);
  const until = iso(relay.at + validityMs);
  switch (decisionOf(outcome)) {
    case 'none':
      if (softBounce !== null)
        return `It soft-bounced and has no outcome yet: it stays ${isSent ? 'sent' : 'taken into account'} while the MTA may retry, until ${until}; only the reason is shown.`;
      return isSent
        ? 'It has been relayed, which counts as sent, and no failure has been reported.'
        : 'It has been relayed and nothing has been reported since: it is taken into account, and counts as sent only when the MTA reports it delivered.';
    case 'success':
      return `The MTA reported at ${at} that it was delivered: it is sent.`;
    case 'bounce':
      return outcome?.rank === RANK.ASYNCHRONOUS
        ? `A bounce mail came back at ${at}, after the message had been accepted: that overrides any earlier success, it has failed.`
        : `The receiving server refused it for good at ${at}: it has failed.`;
    case 'retry-failed':
      return `The MTA gave up at ${at} after its last retry: it has failed.`;
    case 'retry-expired':
      return outcome?.rank === RANK.INFERRED
        ? `Its validity period ended at ${at} and no outcome had arrived: the service concludes that it has failed. Feedback of the MTA would override this.`
        : `The MTA reported at ${at} that the validity period is over: it has failed.`;
  }
}
