import { must } from '../../src/base/assert';
import { DEAD_LETTER_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { PolicyName } from '../../src/feedback/feedback';
import { type MemoryLog, recordOf } from '../../src/log/log.memory';
import type { Retirement } from '../../src/store/retired';
import { type Fact, type RawRecord, recordReader } from '../recount/read';
import { DEFAULT_GROUPS, type Recount, recountFacts } from '../recount/recount';
import { SCHEMAS } from '../support/records';
import { retirementsIn } from './retirements';
import type { Scenario } from './scenario';

/** What lies in the input topics, as the recount reads it, and which records were dead-lettered. */
export interface Ledger {
  /** What an input's offset holds: a fact, the reasons to dead-letter it, or null: the end of a transaction. */
  entry(topic: number, partition: number, offset: number): Entry | null | undefined;
  /** Every fact of a topic's partition, in order. */
  facts(topic: number, partition: number): readonly Fact[];
  /** Those below an offset, without feedback that was dead-lettered as late. */
  countedFacts(topic: number, partition: number, below: number): readonly Fact[];
  /** Whether the dead-letter topic holds a record with this origin. */
  isDeadLettered(topic: number, partition: number, offset: number): boolean;
  /** Feedback dead-lettered as late although no marker retires its delivery, by origin. */
  unfounded(): readonly string[];
  /** The retired deliveries. */
  readonly retirements: ReadonlyMap<string, Retirement>;
  feedbackOn(deliveryId: string): readonly FeedbackOn[];
  /** The recount of all facts. Feedback dead-lettered as late counts only where it is in `counted`. */
  recount(defaultPolicy: PolicyName, counted?: ReadonlySet<string>): Recount;
}

/** A record of feedback on a delivery. */
export interface FeedbackOn {
  /** `topic/partition/offset`. */
  readonly origin: string;
  readonly occurredAt: number;
  readonly appendedAt: number;
  /** Whether it was dead-lettered because the delivery is retired. */
  readonly isLate: boolean;
}

type Entry = ReturnType<ReturnType<typeof recordReader>>;

/** The recount's readers, by number of partitions: schemas are their only state. */
const readers = new Map<number, ReturnType<typeof recordReader>>();

function readerFor(partitions: number): ReturnType<typeof recordReader> {
  const reader = readers.get(partitions) ?? recordReader(SCHEMAS, { partitions, partitioner: 'murmur2' });
  readers.set(partitions, reader);
  return reader;
}

export const originOf = (topic: number, partition: number, offset: number): string =>
  `${FEEDBACK_TOPICS[topic]?.topic}/${partition}/${offset}`;

export function ledgerOf({ partitions }: Scenario, log: MemoryLog): Ledger {
  const read = readerFor(partitions);
  const entries = new Map<string, (Entry | null)[]>();
  /** Reasons by origin. */
  const letters = new Map<string, string>();
  const retirements = retirementsIn(log, partitions);
  const place = (topic: number, partition: number): string => `${topic}/${partition}`;
  for (let partition = 0; partition < partitions; partition += 1) {
    FEEDBACK_TOPICS.forEach(({ topic }, index) => {
      const found: (Entry | null)[] = [];
      entries.set(place(index, partition), found);
      log.watch(topic, partition, () => {
        const raw = rawRecord(log, topic, partition, found.length);
        found.push(raw === null ? null : read(raw));
      });
    });
    log.watch(DEAD_LETTER_TOPIC, partition, () => {
      const { high } = log.watermarks(DEAD_LETTER_TOPIC, partition);
      const letter = log.entry(DEAD_LETTER_TOPIC, partition, high - 1)?.record;
      const header = (name: string): string => headerOf(letter?.headers ?? [], name);
      letters.set(header('efs.origin'), header('efs.reason'));
    });
  }
  /** Whether feedback was rightly dead-lettered as late. */
  const isLate = (origin: string, { deliveryId }: Fact): boolean =>
    letters.get(origin) === 'retired-delivery' && retirements.has(deliveryId);
  const everyEntry = (visit: (origin: string, entry: Entry) => void): void => {
    for (const [where, found] of entries) {
      const [topic = 0, partition = 0] = where.split('/').map(Number);
      found.forEach((each, offset) => {
        if (each !== null) visit(originOf(topic, partition, offset), each);
      });
    }
  };
  return {
    entry: (topic, partition, offset) => entries.get(place(topic, partition))?.[offset],
    facts: (topic, partition) =>
      (entries.get(place(topic, partition)) ?? []).flatMap((each) =>
        each !== null && 'fact' in each ? [each.fact] : [],
      ),
    countedFacts: (topic, partition, below) =>
      (entries.get(place(topic, partition)) ?? []).slice(0, below).flatMap((each, offset) => {
        if (each === null || 'deadLettered' in each) return [];
        return isLate(originOf(topic, partition, offset), each.fact) ? [] : [each.fact];
      }),
    isDeadLettered: (topic, partition, offset) => letters.has(originOf(topic, partition, offset)),
    unfounded() {
      const found: string[] = [];
      everyEntry((origin, each) => {
        if ('fact' in each && letters.get(origin) === 'retired-delivery' && !isLate(origin, each.fact))
          found.push(origin);
      });
      return found;
    },
    retirements,
    feedbackOn(deliveryId) {
      const found: FeedbackOn[] = [];
      everyEntry((origin, each) => {
        if (!('fact' in each) || each.fact.deliveryId !== deliveryId) return;
        const [topic = '', partition, offset] = origin.split('/');
        const { timestamp } = must(log.entry(topic, Number(partition), Number(offset)), 'an entry');
        const { occurredAt } = each.fact;
        found.push({ origin, occurredAt, appendedAt: timestamp, isLate: isLate(origin, each.fact) });
      });
      return found;
    },
    recount(defaultPolicy, counted = new Set()) {
      const facts: Fact[] = [];
      const deadLetters = new Map<string, readonly string[]>();
      everyEntry((origin, each) => {
        if ('deadLettered' in each) return void deadLetters.set(origin, each.deadLettered);
        const late = isLate(origin, each.fact);
        if (late) deadLetters.set(origin, ['retired-delivery']);
        if (!late || counted.has(origin)) facts.push(each.fact);
      });
      return { deadLetters, ...recountFacts(facts, { defaultPolicy, groups: DEFAULT_GROUPS }) };
    },
  };
}

function rawRecord(log: MemoryLog, topic: string, partition: number, offset: number): RawRecord | null {
  const entry = log.entry(topic, partition, offset);
  const record = entry === null ? null : recordOf(entry, 0, partition);
  return record === null ? null : { topic, partition, offset, ...pickRaw(record) };
}

const pickRaw = ({ key, value, headerCount }: Pick<RawRecord, 'key' | 'value' | 'headerCount'>) => ({
  key,
  value,
  headerCount,
});

export function headerOf(
  headers: readonly { readonly name: Buffer; readonly value: Buffer | null }[],
  name: string,
): string {
  return headers.find((header) => header.name.toString() === name)?.value?.toString() ?? '';
}
