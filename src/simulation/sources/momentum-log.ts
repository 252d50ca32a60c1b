import type { Feedback } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, sayableBy } from './abilities';
import { answerIn, replyLine } from './replies';
import { addressOf, compact, LINES, SENDER, seconds, type SimulatedSource } from './source';

const ADDRESS = '192.0.2.7';
const RCPT = '5';
const OUT_OF_BAND = '21';
const EXPIRED = '554 5.4.7 [internal] exceeded max time without delivery';

type Place = readonly [bindingGroup: string, binding: string];

/** Seconds since the message was accepted; nothing where the event does not say when that was. */
function age(feedback: Feedback): string {
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : null;
  return relayedAt === null ? '' : String((feedback.occurredAt - relayedAt) / 1_000);
}

/** The columns after the type of an attempt that failed. */
const attempt = (feedback: Feedback, number: number, place: Place, reply: string): readonly string[] => [
  ...[feedback.recipientDomain, '8123', ...place, RCPT],
  ...[String(number - 1), age(feedback), ADDRESS, reply],
];

function columnsOf(feedback: Feedback, place: Place): readonly string[] {
  const recipient = addressOf(feedback).split('@');
  const sender = SENDER.split('@');
  switch (feedback.kind) {
    case 'Relayed':
      return ['R', ...recipient, ...sender, '192.0.2.1', '8123', 'esmtp', ...place];
    case 'Delivered':
      return ['D', recipient[1]!, '8123', ...place, String(feedback.attempt - 1), age(feedback), ADDRESS];
    case 'HardBounced':
    case 'SoftBounced': {
      const reply = replyLine(answerIn(feedback));
      if (feedback.source === 'SYNC')
        return [
          feedback.kind === 'SoftBounced' ? 'T' : 'P',
          ...attempt(feedback, feedback.attempt, place, reply),
        ];
      const bounceClass = String(feedback.bounceClass);
      return ['B', ...recipient, ...sender, ...place, OUT_OF_BAND, bounceClass, '8123', ADDRESS, reply];
    }
    case 'RetryOutcome': {
      const reply = feedback.outcome === 'EXPIRED' ? EXPIRED : replyLine(answerIn(feedback));
      return ['P', ...attempt(feedback, feedback.attempt, place, reply)];
    }
    case 'Complained':
      return [];
  }
}

/** A line has a binding for each delivery; a complaint the message in the user string of X-MSFBL. */
function render(feedback: Feedback, isIdentified: boolean): string {
  const { deliveryId, messageId, occurredAt } = feedback;
  const time = String(seconds(occurredAt));
  const [group, binding] = isIdentified ? ['default', deliveryId] : ['default', ''];
  if (feedback.kind !== 'Complained')
    return [time, messageId, 'b-1', 'c-1', ...columnsOf(feedback, [group, binding])].join('@');
  const said = [feedback.feedbackType ?? '', 'feedback-loop', isIdentified ? messageId : ''];
  const recipient = addressOf(feedback).split('@');
  return [time, compact(feedback.eventId), 'F', ...recipient, binding, group, ...said].join('@');
}

/** The logs of Momentum, in one. */
export const MOMENTUM_LOG: SimulatedSource = {
  name: 'momentum-log',
  framing: { ...LINES, eventsMax: 500 },
  identity: { deliveryId: ['binding'], messageId: ['userString', 'native'] },
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES['momentum-log']),
  render,
};
