import fc from 'fast-check';
import type { Feedback } from '../../src/feedback/feedback';
import { someFeedback } from './arbitrary';
import { feedback } from './feedback';
import { produced, type Produced, wireHeader } from './records';

/** `count` random feedback of a few deliveries and messages; the same seed gives the same. */
export function randomFeedback(seed: number, count: number, messages = 40): Feedback[] {
  const ids = Array.from({ length: messages }, (_, index) => `m${index}`);
  return fc.sample(someFeedback(['d1', 'd2', 'd3'], ids), { seed, numRuns: count });
}

/** One record for each dead-letter reason, for a log of so many partitions. */
export function poison(partitions: number): Produced[] {
  const good = produced(feedback.delivered({ messageId: 'poison' }), partitions);
  const value = good.value!;
  return [
    { ...good, value: null },
    { ...good, value: Buffer.alloc(262_145) },
    { ...good, headerCount: 257 },
    { ...good, value: Buffer.from('{}') },
    { ...good, value: value.subarray(0, -1) },
    { ...good, value: Buffer.concat([wireHeader(999), value.subarray(5)]) },
    { ...good, topic: 'mta.relayed' },
    produced(feedback.delivered({ messageId: 'poison', occurredAt: 0 }), partitions),
    { ...good, key: Buffer.from('another') },
    { ...good, partition: (good.partition + 1) % partitions },
  ];
}
