import { DAY_MS } from '../base/time';
import type { TopicFacts } from '../log/admin';
import { MAX_BATCH_BYTES } from '../log/sink';
import { INDEX_SPAN_MS } from '../feedback/ingest-index';
import {
  CONTRIBUTIONS_TOPIC,
  DEAD_LETTER_TOPIC,
  DELIVERY_KPI_TOPIC,
  INGEST_DEAD_LETTER_TOPIC,
  INGEST_INDEX_TOPIC,
  MESSAGE_STATUS_TOPIC,
  RETIRED_TOPIC,
  RETRY_OUTCOME_TOPIC,
  SETUP_TOPICS,
} from '../feedback/topics';
import { configCommand, inputConfig } from './input-retention';

/* How the topics of the service are configured: as set-up creates them, and as existing ones must be. */

export const MAX_REPLICAS = 3;
/** A record at Kafka's own limit of 1 MB must fit with what is added to it. */
const DEAD_LETTER_MAX_BYTES = 4 * 1024 * 1024;
/** Time to correct a source and to send its dead letters through it again. */
const INGEST_DEAD_LETTERS_KEPT_MS = 30 * DAY_MS;
const COMPACTED: readonly string[] = [
  CONTRIBUTIONS_TOPIC,
  RETIRED_TOPIC,
  DELIVERY_KPI_TOPIC,
  MESSAGE_STATUS_TOPIC,
];

/** What Kafka does with a topic's old records, in the order in which Kafka names it. */
function cleanupOf(topic: string): string {
  if (topic === INGEST_INDEX_TOPIC) return 'compact,delete';
  return COMPACTED.includes(topic) ? 'compact' : 'delete';
}

/** The configuration of a topic that is created. */
export function configOf(topic: string, inputRetentionMs: number): Readonly<Record<string, string>> {
  const cleanup = { 'cleanup.policy': cleanupOf(topic) };
  if (COMPACTED.includes(topic)) return cleanup;
  if (topic === INGEST_INDEX_TOPIC) return { ...cleanup, 'retention.ms': String(INDEX_SPAN_MS) };
  const letters = { ...cleanup, 'max.message.bytes': String(DEAD_LETTER_MAX_BYTES) };
  if (topic === DEAD_LETTER_TOPIC) return letters;
  if (topic === INGEST_DEAD_LETTER_TOPIC)
    return { ...letters, 'retention.ms': String(INGEST_DEAD_LETTERS_KEPT_MS) };
  return { ...cleanup, ...inputConfig(inputRetentionMs) };
}

/** All topics must have the same number of partitions; existing topics define it. */
export function countMismatches(existing: ReadonlyMap<string, TopicFacts>): string[] {
  const counts = new Set([...existing.values()].map((facts) => facts.partitions));
  if (counts.size <= 1) return [];
  const listed = [...existing].map(([name, facts]) => `${name} ${facts.partitions}`).join(', ');
  return [
    `the topics differ in their number of partitions (${listed}): recreate those that differ with the same number`,
  ];
}

/** A finding on an existing topic, and the remedy. */
export interface TopicFinding {
  readonly problem: string;
  readonly remedy: string;
}

/** Existing topics with another cleanup policy than they must have. */
export function policyMismatches(existing: ReadonlyMap<string, TopicFacts>, prefix: string): TopicFinding[] {
  return SETUP_TOPICS.flatMap((topic) => {
    const facts = existing.get(prefix + topic);
    if (facts === undefined) return [];
    const wanted = cleanupOf(topic);
    const found = facts.cleanupPolicy.split(',').map((part) => part.trim());
    if (found.sort().join(',') === wanted) return [];
    const problem = `${prefix}${topic} has cleanup.policy=${facts.cleanupPolicy}`;
    return [{ problem, remedy: `set cleanup.policy=${wanted}` }];
  });
}

/** The largest batch that the service writes to a topic; null for topics that it does not write to. */
function writtenBytes(topic: string): number | null {
  if (topic === DEAD_LETTER_TOPIC || topic === INGEST_DEAD_LETTER_TOPIC) return DEAD_LETTER_MAX_BYTES;
  return COMPACTED.includes(topic) || topic === RETRY_OUTCOME_TOPIC ? MAX_BATCH_BYTES : null;
}

/** Existing topics that refuse some of the batches that the service writes: the task that writes one would stop. */
export function smallTopics(
  existing: ReadonlyMap<string, TopicFacts>,
  { prefix, brokers }: { readonly prefix: string; readonly brokers: readonly string[] },
): TopicFinding[] {
  return SETUP_TOPICS.flatMap((topic) => {
    const [name, least] = [prefix + topic, writtenBytes(topic)];
    const { maxMessageBytes: most = Infinity } = existing.get(name) ?? {};
    if (least === null || most >= least) return [];
    return [
      {
        problem: `${name} takes batches of ${most} bytes, and the service writes up to ${least}`,
        remedy: configCommand(brokers, name, [`max.message.bytes=${least}`]),
      },
    ];
  });
}

/** Existing topics that take no records at present, because too few of their replicas are in sync. */
export function refusingTopics(existing: ReadonlyMap<string, TopicFacts>): TopicFinding[] {
  return [...existing]
    .filter(([, { inSync, minInSync }]) => inSync < minInSync || inSync === 0)
    .map(([name, { inSync, minInSync }]) => ({
      problem: `${name} takes no records: ${inSync} replicas of a partition are in sync, min.insync.replicas is ${minInSync}`,
      remedy: 'start the brokers that are missing, or set a lower min.insync.replicas',
    }));
}

/** Existing topics with fewer replicas than the brokers allow: a broker that dies takes them along. */
export function unreplicatedTopics(
  existing: ReadonlyMap<string, TopicFacts>,
  brokers: number,
): TopicFinding[] {
  const wanted = Math.min(MAX_REPLICAS, brokers);
  const few = [...existing].filter(([, { replicas }]) => replicas < wanted).map(([name]) => name);
  if (few.length === 0) return [];
  return [
    {
      problem: `of ${brokers} brokers fewer than ${wanted} hold these topics: ${few.join(', ')}`,
      remedy: `raise their number of replicas to ${wanted} (kafka-reassign-partitions.sh), or create them again`,
    },
  ];
}
