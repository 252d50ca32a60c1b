import { DEAD_LETTER_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { PolicyName } from '../../src/feedback/feedback';
import { type MemoryLog, recordOf } from '../../src/log/log.memory';
import { type Fact, type RawRecord, recordReader } from '../recount/read';
import { DEFAULT_GROUPS, type Recount, recountFacts } from '../recount/recount';
import { SCHEMAS } from '../support/records';
import { partitionOf } from '../../src/log/partitioner';
import type { GenerationHistory } from './generations';
import { placeOf, type Retirement, retirementsIn } from './retirements';
import type { Scenario } from './scenario';

/** What lies in the input topics, as the recount reads it, and which records were dead-lettered. */
export interface Ledger {
  /** What an input's offset holds: a fact, the reasons to dead-letter it, or null: the end of a transaction. */
  entry(topic: number, partition: number, offset: number): Entry | null | undefined;
  /** Every fact of a topic's partition, in order. */
  facts(topic: number, partition: number): readonly Fact[];
  /** Those below an offset, without late feedback. */
  countedFacts(topic: number, partition: number, below: number): readonly Fact[];
  /** Whether the dead-letter topic holds a record with this origin. */
  isDeadLettered(topic: number, partition: number, offset: number): boolean;
  /** The retired deliveries, by `placeOf`. */
  readonly retirements: ReadonlyMap<string, Retirement>;
  /** Whether a message's delivery is retired in its partition. */
  isRetired(message: { readonly deliveryId: string; readonly messageId: string }): boolean;
  /** The recount of all facts that are not late. Those on retired deliveries count under the policy they were counted with. */
  recount(defaultPolicy: PolicyName): Recount;
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

export function ledgerOf({ partitions }: Scenario, log: MemoryLog, generations: GenerationHistory): Ledger {
  const read = readerFor(partitions);
  const entries = new Map<string, (Entry | null)[]>();
  /** Origins of the dead letters. */
  const letters = new Set<string>();
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
      letters.add(headerOf(letter?.headers ?? [], 'efs.origin'));
    });
  }
  const retirementOf = ({ deliveryId }: Fact, partition: number): Retirement | undefined =>
    retirements.get(placeOf(deliveryId, partition));
  const isLate = (fact: Fact, topic: number, partition: number, offset: number): boolean => {
    const from = retirementOf(fact, partition)?.share.retiredFrom ?? null;
    return from !== null && offset >= (from[topic] ?? 0);
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
        return isLate(each.fact, topic, partition, offset) ? [] : [each.fact];
      }),
    isDeadLettered: (topic, partition, offset) => letters.has(originOf(topic, partition, offset)),
    retirements,
    isRetired: ({ deliveryId, messageId }) =>
      retirements.has(placeOf(deliveryId, partitionOf(Buffer.from(messageId, 'utf8'), partitions))),
    recount(defaultPolicy) {
      const facts: Fact[] = [];
      const deadLetters = new Map<string, readonly string[]>();
      const policies = new Map<Fact, PolicyName>();
      for (const [where, found] of entries) {
        const [topic = 0, partition = 0] = where.split('/').map(Number);
        found.forEach((each, offset) => {
          if (each === null) return;
          const origin = originOf(topic, partition, offset);
          if ('deadLettered' in each) return void deadLetters.set(origin, each.deadLettered);
          const { fact } = each;
          if (isLate(fact, topic, partition, offset))
            return void deadLetters.set(origin, ['retired-delivery']);
          facts.push(fact);
          const maker = retirementOf(fact, partition)?.share.generation;
          const [policy] = maker === undefined ? [] : generations.policiesOf(maker);
          if (policy !== undefined) policies.set(fact, policy);
        });
      }
      const policyOf = (fact: Fact): PolicyName => policies.get(fact) ?? defaultPolicy;
      return { deadLetters, ...recountFacts(facts, { defaultPolicy, groups: DEFAULT_GROUPS, policyOf }) };
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
