import { HOUR_MS, MINUTE_MS, SECOND_MS, VALIDITY_MAX_MS } from '../base/time';
import type { Feedback, Millis } from '../feedback/feedback';
import type { Complained, HardBounced, RetryOutcome, RetryResult, SoftBounced } from '../feedback/records';
import type { SimulatedMessage } from './campaign';
import { type Dice, weighted } from './dice';

/** The outcomes of a delivery's messages: the distribution that each step of a message's history is drawn from. */
export interface OutcomeMix {
  /** Share of messages whose relay event is lost: their other feedback implies the relay. */
  readonly relaysLost: number;
  /** The result of the first attempt. */
  firstAttempt(source: Dice): 'delivered' | 'hard' | 'soft' | 'no-feedback';
  /** The feedback that follows a delivery. */
  afterwards(source: Dice): 'nothing' | 'async' | 'auto-reply' | 'unsubscribe' | 'subscribe';
  /** The result of a soft-bounced message's retries. */
  retries(source: Dice): RetryResult | 'no-feedback';
  /** Share of delivered messages that a recipient reports. */
  readonly complaints: number;
}

/** A typical delivery; the weights of the first two are in parts of 1,000. */
export const ORDINARY: OutcomeMix = {
  relaysLost: 0.001,
  firstAttempt: weighted([
    ['delivered', 900],
    ['hard', 35],
    ['soft', 60],
    ['no-feedback', 5],
  ]),
  afterwards: weighted([
    ['nothing', 976],
    ['async', 10],
    ['auto-reply', 9],
    ['unsubscribe', 4],
    ['subscribe', 1],
  ]),
  retries: weighted([
    ['SUCCEEDED', 62],
    ['FAILED', 14],
    ['EXPIRED', 10],
    ['no-feedback', 14],
  ]),
  complaints: 0.002,
};

interface Diagnosis {
  readonly bounceClass: number;
  readonly smtpCode: number | null;
  readonly enhancedStatus: string | null;
  readonly diagnostic: string | null;
}

const diagnosis = (
  bounceClass: number,
  smtpCode: number | null,
  enhancedStatus: string | null,
  diagnostic: string | null,
): Diagnosis => ({ bounceClass, smtpCode, enhancedStatus, diagnostic });

const hardBounces = weighted<Diagnosis>([
  [diagnosis(10, 550, '5.1.1', '550 5.1.1 user unknown'), 62],
  [diagnosis(30, 550, '5.1.0', '550 5.1.0 no such recipient here'), 5],
  [diagnosis(15, 550, '5.7.1', '550 5.7.1 recipient refuses mail'), 2],
  [diagnosis(25, 554, '5.7.1', '554 recipient address was suppressed due to customer policy'), 8],
  [diagnosis(25, 550, '5.7.1', '550 5.7.1 administrative prohibition'), 2],
  [diagnosis(50, 550, '5.7.1', '550 5.7.1 mail from this address is blocked'), 6],
  [diagnosis(51, 554, '5.7.1', '554 5.7.1 listed by a block list'), 4],
  [diagnosis(52, 550, '5.7.1', '550 5.7.1 message looks like spam'), 3],
  [diagnosis(53, 552, '5.7.0', '552 5.7.0 attachment not allowed'), 1],
  [diagnosis(54, 550, '5.7.1', '550 5.7.1 relaying denied'), 1],
  [diagnosis(23, 552, '5.3.4', '552 5.3.4 message too large'), 1],
  [diagnosis(1, 500, null, 'unclear answer'), 3],
  [diagnosis(77, 599, null, null), 2],
]);

const softBounces = weighted<Diagnosis>([
  [diagnosis(22, 452, '4.2.2', '452 4.2.2 mailbox full'), 30],
  [diagnosis(20, 451, '4.3.0', '451 4.3.0 try again later'), 22],
  [diagnosis(21, 454, '4.4.4', '454 4.4.4 no MX or A for domain'), 8],
  [diagnosis(24, 451, '4.4.1', '451 4.4.1 connection timed out'), 14],
  [diagnosis(70, 421, '4.7.0', '421 4.7.0 too many connections'), 16],
  [diagnosis(40, 450, null, '450 requested action not taken'), 4],
  [diagnosis(54, 450, '4.7.1', '450 4.7.1 greylisted'), 3],
  [diagnosis(100, 450, '4.7.1', '450 4.7.1 confirm that you are human'), 1],
  [diagnosis(999, 499, null, null), 2],
]);

const asyncBounces = weighted<Diagnosis>([
  [diagnosis(10, 550, '5.1.1', 'final recipient: user unknown'), 60],
  [diagnosis(22, 552, '5.2.2', 'final recipient: mailbox full'), 20],
  [diagnosis(20, null, '4.4.7', 'delivery time expired'), 12],
  [diagnosis(30, null, null, null), 8],
]);

const autoReply = diagnosis(60, null, null, 'Automatic reply: out of office');
const unsubscribe = diagnosis(90, null, null, 'unsubscribe');
const subscribe = diagnosis(80, null, null, 'subscribe');

/** What reports call themselves: few say that a message is wanted, and spellings differ. */
const feedbackTypes = weighted<string | null>([
  ['abuse', 88],
  ['Abuse', 2],
  ['fraud', 2],
  ['other', 2],
  [null, 3],
  ['not-spam', 2],
  ['Not-Spam', 1],
]);

/** A time span that is usually short and sometimes long, in whole milliseconds from `least` to `least` + `most`. */
const span = (source: Dice, least: number, most: number): number =>
  Math.floor(least + most * source.unit() ** 4);

/** Builds the feedback of one message; four records of five have `relayedAt`. */
function feedbackBuilder(source: Dice, message: SimulatedMessage) {
  const { messageId, delivery, recipientDomain } = message;
  let count = 0;
  const common = (occurredAt: Millis) => ({
    eventId: `${messageId}/${count++}`,
    messageId,
    deliveryId: delivery.deliveryId,
    occurredAt,
    recipientDomain,
    relayedAt: source.below(5) > 0 ? message.relayedAt : null,
  });
  const relayed = (): Feedback => ({
    kind: 'Relayed',
    eventId: `${messageId}/${count++}`,
    messageId,
    deliveryId: delivery.deliveryId,
    occurredAt: message.relayedAt,
    recipientDomain,
    policy: delivery.policy,
    validityPeriodMs: delivery.validityPeriodMs,
    deliverySize: delivery.size,
  });
  const delivered = (at: Millis): Feedback => ({ kind: 'Delivered', ...common(at), attempt: 1 });
  const hard = (at: Millis, why: Diagnosis, origin: HardBounced['source']): Feedback => ({
    kind: 'HardBounced',
    ...common(at),
    attempt: 1,
    ...why,
    source: origin,
  });
  const soft = (at: Millis, why: Diagnosis, origin: SoftBounced['source'], attempt: number): Feedback => ({
    kind: 'SoftBounced',
    ...common(at),
    attempt,
    ...why,
    source: origin,
  });
  return { relayed, delivered, hard, soft, common };
}

type FeedbackBuilder = ReturnType<typeof feedbackBuilder>;

function afterDelivery(source: Dice, build: FeedbackBuilder, from: Millis, mix: OutcomeMix): Feedback[] {
  const at = from + span(source, MINUTE_MS, 72 * HOUR_MS);
  const event = mix.afterwards(source);
  switch (event) {
    case 'nothing':
      return [];
    case 'async':
      return [
        source.below(10) < 7
          ? build.hard(at, asyncBounces(source), 'ASYNC')
          : build.soft(at, asyncBounces(source), 'ASYNC', 1),
      ];
    case 'auto-reply':
      return [build.soft(at, autoReply, 'ASYNC', 1)];
    case 'unsubscribe':
      return [build.hard(at, unsubscribe, 'ASYNC')];
    case 'subscribe':
      return [build.hard(at, subscribe, 'ASYNC')];
  }
}

function outcome(
  build: FeedbackBuilder,
  at: Millis,
  result: RetryResult,
  attempt: number,
  why: Diagnosis | null,
): RetryOutcome {
  const absent = { bounceClass: null, smtpCode: null, enhancedStatus: null, diagnostic: null };
  return {
    kind: 'RetryOutcome',
    ...build.common(at),
    attempt,
    outcome: result,
    ...(why ?? absent),
    inferred: false,
  };
}

function afterSoftBounce(
  source: Dice,
  build: FeedbackBuilder,
  message: SimulatedMessage,
  mix: OutcomeMix,
): Feedback[] {
  const events: Feedback[] = [];
  const attempts = 1 + source.below(3);
  let at = message.relayedAt + span(source, SECOND_MS, MINUTE_MS);
  let why = softBounces(source);
  for (let attempt = 1; attempt <= attempts; attempt++) {
    events.push(build.soft(at, why, 'SYNC', attempt));
    at += span(source, 5 * MINUTE_MS, 3 * HOUR_MS);
    if (source.below(4) === 0) why = softBounces(source);
  }
  const end =
    message.relayedAt + Math.min(message.delivery.validityPeriodMs ?? VALIDITY_MAX_MS, VALIDITY_MAX_MS);
  const result = mix.retries(source);
  if (result === 'SUCCEEDED') events.push(outcome(build, at, result, attempts + 1, null));
  if (result === 'FAILED')
    events.push(outcome(build, at, result, attempts + 1, source.below(5) > 0 ? why : null));
  if (result === 'EXPIRED')
    events.push(outcome(build, end, result, attempts + 1, source.below(2) > 0 ? why : null));
  return events;
}

/** Where chance comes from: what a recipient does is drawn apart, so that it changes nothing that the MTA reports. */
export interface HistoryDice {
  readonly outcomes: Dice;
  readonly complaints: Dice;
}

/** All feedback of one message, in the order of event time. */
export function messageHistory(
  { outcomes, complaints }: HistoryDice,
  message: SimulatedMessage,
  mix: OutcomeMix = ORDINARY,
): Feedback[] {
  const events = outcomeHistory(outcomes, message, mix);
  const delivered = events.find(({ kind }) => kind === 'Delivered');
  if (delivered === undefined || !complaints.chance(mix.complaints)) return events;
  events.push(complaint(complaints, message, delivered.occurredAt));
  return events.sort((a, b) => a.occurredAt - b.occurredAt);
}

/** A recipient's report of a message, hours to days after its delivery. */
function complaint(source: Dice, message: SimulatedMessage, deliveredAt: Millis): Complained {
  const { messageId, delivery, recipientDomain, relayedAt } = message;
  return {
    kind: 'Complained',
    eventId: `${messageId}/complaint`,
    messageId,
    deliveryId: delivery.deliveryId,
    occurredAt: deliveredAt + span(source, HOUR_MS, 71 * HOUR_MS),
    recipientDomain,
    relayedAt: source.below(2) > 0 ? relayedAt : null,
    feedbackType: feedbackTypes(source),
  };
}

/** What the MTA reports of a message. */
function outcomeHistory(source: Dice, message: SimulatedMessage, mix: OutcomeMix): Feedback[] {
  const build = feedbackBuilder(source, message);
  const events: Feedback[] = source.chance(mix.relaysLost) ? [] : [build.relayed()];
  const soon = message.relayedAt + span(source, 300, 2 * MINUTE_MS);
  const first = mix.firstAttempt(source);
  switch (first) {
    case 'delivered':
      events.push(build.delivered(soon), ...afterDelivery(source, build, soon, mix));
      break;
    case 'hard':
      events.push(build.hard(soon, hardBounces(source), 'SYNC'));
      break;
    case 'soft':
      events.push(...afterSoftBounce(source, build, message, mix));
      break;
    case 'no-feedback':
      break;
  }
  return events;
}
