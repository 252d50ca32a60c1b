import fc from 'fast-check';
import type { Feedback } from '../../src/feedback/feedback';
import { feedback, HOUR, T0 } from './feedback';

// Feedback drawn from so few ids, times, classes and domains that facts collide all the time.

const CLASSES = [1, 10, 22, 22, 25, 54, 60, 80, 100, 999, 0, -1, -7, 2_147_483_647, -2_147_483_648];
const TIMES = [T0, T0 + 1, T0 + HOUR - 1, T0 + HOUR, T0 + 2 * HOUR, T0 - 1];
const VALIDITIES = [null, null, 0, 1_000, 84 * HOUR - 1, 84 * HOUR, 85 * HOUR];

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const orNull = (values: readonly number[]) => pick<number | null>(null, ...values);

const common = (deliveries: readonly string[], messages: readonly string[]) => ({
  eventId: pick('e1', 'e2'),
  deliveryId: pick(...deliveries),
  messageId: pick(...messages),
  occurredAt: pick(...TIMES),
  recipientDomain: pick('gmail.com', 'GoogleMail.com', 'AOL.com', 'example.com', 'me.com'),
});

const bounced = {
  relayedAt: orNull(TIMES),
  attempt: pick(1, 2),
  bounceClass: pick(...CLASSES),
  diagnostic: pick(null, 'address SUPPRESSED by list', 'mailbox full'),
  source: pick('SYNC' as const, 'SYNC' as const, 'ASYNC' as const),
};

/** One feedback of one of these messages. */
export function someFeedback(
  deliveries: readonly string[] = ['d1'],
  messages: readonly string[] = ['m1'],
): fc.Arbitrary<Feedback> {
  const base = common(deliveries, messages);
  const relayed = fc.record({
    ...base,
    policy: pick(null, null, 'EFS' as const, 'RELAY' as const),
    validityPeriodMs: pick(...VALIDITIES),
    deliverySize: pick(null, 0, 5, 7),
  });
  const delivered = fc.record({ ...base, relayedAt: orNull(TIMES), attempt: pick(1, 2) });
  const bounce = fc.record({ ...base, ...bounced });
  const retry = fc.record({
    ...base,
    relayedAt: orNull(TIMES),
    outcome: pick('SUCCEEDED' as const, 'FAILED' as const, 'EXPIRED' as const),
    bounceClass: orNull(CLASSES),
    diagnostic: bounced.diagnostic,
    inferred: fc.boolean(),
  });
  const complained = fc.record({
    ...base,
    relayedAt: orNull(TIMES),
    feedbackType: pick(null, 'abuse', 'Fraud', 'not-spam', 'Not-Spam'),
  });
  return fc.oneof(
    relayed.map(feedback.relayed),
    delivered.map(feedback.delivered),
    bounce.map(feedback.hardBounced),
    bounce.map(feedback.softBounced),
    retry.map(feedback.retry),
    complained.map(feedback.complained),
  );
}

/** A set of feedback and the same set in another order, with some of it repeated. */
export function withDisorder(
  one: fc.Arbitrary<Feedback>,
  maxLength: number,
): fc.Arbitrary<{ feedback: Feedback[]; disorder: Feedback[] }> {
  return fc.array(one, { minLength: 1, maxLength }).chain((set) =>
    fc
      .subarray(set)
      .chain((repeats) =>
        fc.shuffledSubarray([...set, ...repeats], { minLength: set.length + repeats.length }),
      )
      .map((disorder) => ({ feedback: set, disorder })),
  );
}

/** Cuts a list at some places: batches, none of them empty. */
export function batchesOf<T>(list: readonly T[], cuts: readonly boolean[]): T[][] {
  const batches: T[][] = [];
  list.forEach((each, index) => {
    if (index === 0 || cuts[index % Math.max(1, cuts.length)] === true) batches.push([]);
    batches.at(-1)!.push(each);
  });
  return batches;
}

/** What fast-check is to run with; the seed is part of every failure it prints. */
export const RUNS = { numRuns: Number(process.env['EFS_TEST_RUNS'] ?? 400) };
