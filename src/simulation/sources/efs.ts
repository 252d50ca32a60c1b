import type { Feedback } from '../../feedback/feedback';
import { FEEDBACK_TOPICS } from '../../feedback/topics';
import { ORDINARY } from '../message-history';
import { jsonFraming, type SimulatedSource } from './source';

const TOPICS = new Map(FEEDBACK_TOPICS.map(({ topic, kind }) => [kind as string, topic]));
const UNMATCHED = { outcome: 'dead-letter', reason: 'unmatched', detail: 'no deliveryId: tried native' };

/** A record as a dry run prints it; without ids as a dry run prints what had none. */
function render({ kind, ...value }: Feedback, isIdentified: boolean): string {
  const { eventId } = value;
  return JSON.stringify(isIdentified ? { topic: TOPICS.get(kind), value } : { ...UNMATCHED, eventId });
}

/** NDJSON of our own, which says everything. */
export const EFS: SimulatedSource = {
  name: 'efs',
  framing: jsonFraming(500, (events) => events.map((event) => `${event}\n`).join('')),
  identity: null,
  isOrdered: false,
  mix: ORDINARY,
  sayable: (feedback) => feedback,
  render,
};
