import { must } from '../../base/assert';
import type { Feedback } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, sayableBy } from './abilities';
import { type Framing, jsonFraming, type SimulatedSource } from './source';

/** What a provider writes of each kind of feedback that it says, beside what all of its events have. */
export type Templates = {
  readonly [Kind in Feedback['kind']]?: (feedback: Extract<Feedback, { readonly kind: Kind }>) => object;
};

/** The part of an event that its kind decides. */
export function factsOf(templates: Templates, feedback: Feedback): object {
  const template = templates[feedback.kind] as ((feedback: Feedback) => object) | undefined;
  return must(template, `the source does not say ${feedback.kind}`)(feedback);
}

/** What a sender of mail has a provider repeat in each event. */
export const idsOf = ({ deliveryId, messageId }: Feedback, isIdentified: boolean): object =>
  isIdentified ? { deliveryId, messageId } : {};

/** One event a request. */
export const ONE_EACH: Framing = jsonFraming(1, (events) => events.join(''));

/** An array of events a request. */
export const arrayOf = (eventsMax: number): Framing =>
  jsonFraming(eventsMax, (events) => `[${events.join(',')}]`);

/** The webhook of a provider, whose ids are in their customary places. */
export const webhook = (
  name: keyof typeof ABILITIES,
  framing: Framing,
  render: (feedback: Feedback, isIdentified: boolean) => object,
): SimulatedSource => ({
  name,
  framing,
  identity: null,
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES[name]),
  render: (feedback, isIdentified) => JSON.stringify(render(feedback, isIdentified)),
});
