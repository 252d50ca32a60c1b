import type { Feedback } from '../../src/feedback/feedback';
import { type Dice, weighted } from '../../src/simulation/dice';
import { feedback, HOUR, T0 } from '../support/feedback';
import { produced, type Produced, wireHeader } from '../support/records';

// Feedback of so few deliveries and messages, at so few times, that facts about the same message coincide all the time.

const pick = <T>(source: Dice, list: readonly T[]): T => list[source.below(list.length)]!;

const DOMAINS = ['gmail.com', 'GoogleMail.com', 'example.com', 'aol.com'];
const TIMES = [T0, T0 + 1, T0 + HOUR, T0 + 2 * HOUR];
const CLASSES = [10, 22, 25, 54, 60, 999];
const kinds = weighted<Feedback['kind']>([
  ['Relayed', 28],
  ['Delivered', 24],
  ['HardBounced', 10],
  ['SoftBounced', 18],
  ['RetryOutcome', 14],
  ['Complained', 6],
]);

const orNull = <T>(source: Dice, list: readonly T[]): T | null => pick(source, [null, ...list]);

function bounceOf(source: Dice, asynchronous: number) {
  return {
    relayedAt: orNull(source, TIMES),
    bounceClass: pick(source, CLASSES),
    source: source.chance(asynchronous) ? ('ASYNC' as const) : ('SYNC' as const),
  };
}

function feedbackOf(source: Dice, deliveryId: string, messageId: string): Feedback {
  const common = {
    deliveryId,
    messageId,
    occurredAt: pick(source, TIMES),
    recipientDomain: pick(source, DOMAINS),
  };
  switch (kinds(source)) {
    case 'Relayed':
      return feedback.relayed({
        ...common,
        policy: orNull(source, ['EFS', 'RELAY'] as const),
        validityPeriodMs: orNull(source, [HOUR]),
        deliverySize: orNull(source, [5, 7]),
      });
    case 'Delivered':
      return feedback.delivered({ ...common, relayedAt: orNull(source, TIMES) });
    case 'HardBounced':
      return feedback.hardBounced({ ...common, ...bounceOf(source, 0.2) });
    case 'SoftBounced':
      return feedback.softBounced({ ...common, ...bounceOf(source, 0.1) });
    case 'RetryOutcome':
      return feedback.retry({
        ...common,
        relayedAt: orNull(source, TIMES),
        outcome: pick(source, ['SUCCEEDED', 'FAILED', 'EXPIRED'] as const),
        bounceClass: orNull(source, CLASSES),
        inferred: source.below(8) === 0,
      });
    case 'Complained':
      return feedback.complained({
        ...common,
        relayedAt: orNull(source, TIMES),
        feedbackType: orNull(source, ['abuse', 'Not-Spam']),
      });
  }
}

/** An id that the registry does not have. */
const UNKNOWN_SCHEMA = 999;

/** Ways to corrupt a good record so that it must be dead-lettered. */
const SPOILERS: readonly ((good: Produced, partitions: number) => Produced)[] = [
  (good) => ({ ...good, value: null }),
  (good) => ({ ...good, value: Buffer.from('{}') }),
  (good) => ({ ...good, value: good.value!.subarray(0, -1) }),
  (good) => ({ ...good, value: Buffer.concat([wireHeader(UNKNOWN_SCHEMA), good.value!.subarray(5)]) }),
  (good) => ({ ...good, topic: good.topic === 'mta.relayed' ? 'mta.delivered' : 'mta.relayed' }),
  (good) => ({ ...good, key: Buffer.from('another') }),
  (good) => ({ ...good, headerCount: 257 }),
  (good, partitions) => ({ ...good, partition: (good.partition + 1) % partitions, key: null }),
];

/**
 * The records of a small campaign, in the order in which they arrive: some are duplicates, byte for byte, and a few must
 * be dead-lettered.
 */
export function campaign(source: Dice, count: number, partitions: number): Produced[] {
  const deliveries = ['d1', 'd2', 'd3'].slice(0, 1 + source.below(3));
  const messages = Array.from({ length: 1 + source.below(6) }, (_, index) => `m${index}`);
  const duplicates = pick(source, [0, 0.1, 0.3]);
  const poison = pick(source, [0, 0, 0.1]);
  const all: Produced[] = [];
  for (let i = 0; i < count; i += 1) {
    const duplicate = all.length > 0 && source.chance(duplicates) ? pick(source, all) : null;
    const good = produced(feedbackOf(source, pick(source, deliveries), pick(source, messages)), partitions);
    if (duplicate !== null) all.push(duplicate);
    else all.push(source.chance(poison) ? pick(source, SPOILERS)(good, partitions) : good);
  }
  return all;
}
