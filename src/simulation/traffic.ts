import { HOUR_MS } from '../base/time';
import type { RecordLimits } from '../feedback/decode';
import type { Feedback, FeedbackKind } from '../feedback/feedback';
import type { RecordHeader } from '../log/source';
import { FEEDBACK_TOPICS } from '../feedback/topics';
import { type CampaignOptions, messages } from './campaign';
import { type Dice, dice } from './dice';
import type { Encode } from '../feedback/encode';
import { messageHistory, ORDINARY, type OutcomeMix } from './message-history';
import { poisoner } from './poison';
import type { FeedbackRecord, TrafficRecord } from './record';
import { type MessageHistory, timeline } from './timeline';

export interface TrafficOptions extends CampaignOptions {
  /** 0 keeps the order of event time; towards 1, records are up to some 10,000 records too late or too early. */
  readonly disorder: number;
  /** Share of records that are repeated byte for byte: half of them at once, half later. */
  readonly duplicates: number;
  /** Share of additional records that must be dead-lettered. */
  readonly poison: number;
  readonly limits: RecordLimits;
}

/** Twenty deliveries in six hours. `startAt` is 2026-01-05, 08:00 UTC. */
export const ORDINARY_TRAFFIC: TrafficOptions = {
  seed: 1,
  deliveries: 20,
  messages: 10_000,
  startAt: Date.UTC(2026, 0, 5, 8),
  spreadMs: 6 * HOUR_MS,
  policyMix: { efs: 0.3, relay: 0.2 },
  disorder: 0,
  duplicates: 0,
  poison: 0,
  limits: { maxValueBytes: 262_144, maxHeaders: 256 },
};

const topicOf = Object.fromEntries(FEEDBACK_TOPICS.map(({ kind }, index) => [kind, index])) as Record<
  FeedbackKind,
  number
>;
const NO_HEADERS: readonly RecordHeader[] = [];

/** Feedback as a correct producer's record. */
export function feedbackRecord(feedback: Feedback, encode: Encode): FeedbackRecord {
  return {
    topic: topicOf[feedback.kind],
    key: Buffer.from(feedback.messageId),
    value: encode(feedback),
    headers: NO_HEADERS,
    misplaced: false,
    feedback,
    poison: null,
  };
}

function* poisoned(
  source: Dice,
  records: Iterable<FeedbackRecord>,
  share: number,
  corrupted: (record: FeedbackRecord) => TrafficRecord,
): Generator<TrafficRecord> {
  for (const each of records) {
    yield each;
    if (source.chance(share)) yield corrupted(each);
  }
}

/** How far back a record may be redelivered. */
const REDELIVERY_WINDOW = 4_096;

function* repeated<Each>(source: Dice, records: Iterable<Each>, share: number): Generator<Each> {
  const recent: Each[] = [];
  let count = 0;
  for (const each of records) {
    yield each;
    recent[count++ % REDELIVERY_WINDOW] = each;
    if (source.chance(share)) {
      yield source.below(2) === 0 ? each : (recent[source.below(recent.length)] as Each);
    }
  }
}

/** Shuffles locally: each record waits in a window until another record replaces it. */
function* displaced<Each>(source: Dice, records: Iterable<Each>, window: number): Generator<Each> {
  const waiting: Each[] = [];
  for (const each of records) {
    if (waiting.length < window) {
      waiting.push(each);
      continue;
    }
    const place = source.below(window);
    yield waiting[place] as Each;
    waiting[place] = each;
  }
  for (let left = waiting.length; left > 0; left--) {
    const place = source.below(left);
    yield waiting[place] as Each;
    waiting[place] = waiting[left - 1] as Each;
  }
}

/** The feedback alone, in the order of event time, without faults. Deterministic in the options. */
export function* feedback(options: CampaignOptions, mix: OutcomeMix = ORDINARY): Generator<Feedback> {
  const sources = { outcomes: dice(options.seed, 2), complaints: dice(options.seed, 6) };
  const histories = function* (): Generator<MessageHistory> {
    for (const message of messages(dice(options.seed, 1), options)) {
      yield { begins: message.relayedAt, events: messageHistory(sources, message, mix) };
    }
  };
  yield* timeline(histories());
}

/**
 * Realistic feedback as records for the input topics, in the order of production. A pure function of the options
 * and the encoder: the same seed gives the same bytes. Disorder, duplicates and poison leave the underlying records
 * unchanged. Memory does not grow with the number of messages.
 */
export function traffic(options: TrafficOptions, encode: Encode): Generator<TrafficRecord> {
  return withFaults(feedback(options), options, encode);
}

/** The faults that `withFaults` adds. */
export type Faults = Pick<TrafficOptions, 'seed' | 'disorder' | 'duplicates' | 'poison' | 'limits'>;

/** The records of feedback, with the requested disorder, duplicates and poison. */
export function* withFaults(
  events: Iterable<Feedback>,
  { seed, disorder, duplicates, poison, limits }: Faults,
  encode: Encode,
): Generator<TrafficRecord> {
  const poisonDice = dice(seed, 3);
  const good = encoded(events, encode);
  const mixed = poison > 0 ? poisoned(poisonDice, good, poison, poisoner(poisonDice, encode, limits)) : good;
  yield* disordered(mixed, { seed, disorder, duplicates });
}

/** The events with repetitions and out of order, both as `TrafficOptions` says. */
export function* disordered<Each>(
  events: Iterable<Each>,
  { seed, disorder, duplicates }: Pick<TrafficOptions, 'seed' | 'disorder' | 'duplicates'>,
): Generator<Each> {
  const again = duplicates > 0 ? repeated(dice(seed, 4), events, duplicates) : events;
  const window = Math.round(disorder * 10_000);
  yield* window > 0 ? displaced(dice(seed, 5), again, window) : again;
}

function* encoded(events: Iterable<Feedback>, encode: Encode): Generator<FeedbackRecord> {
  for (const each of events) yield feedbackRecord(each, encode);
}
