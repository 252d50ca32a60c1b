import { EfsError } from '../base/errors';
import { DAY_MS } from '../base/time';
import type { NewTopic, TopicAdmin, TopicFacts } from '../log/admin';
import type { SchemaRegistrar } from '../avro/registry';
import { INDEX_SPAN_MS } from '../feedback/ingest-index';
import { inputConfig, shortInputs } from './input-retention';
import { SCHEMAS, subjectOf, TOPIC_SCHEMAS, type TopicSchema } from '../feedback/schemas';
import {
  CONTRIBUTIONS_TOPIC,
  DEAD_LETTER_TOPIC,
  DELIVERY_KPI_TOPIC,
  INGEST_DEAD_LETTER_TOPIC,
  INGEST_INDEX_TOPIC,
  MESSAGE_STATUS_TOPIC,
  RETIRED_TOPIC,
  SETUP_TOPICS,
} from '../feedback/topics';

export interface SetupOptions {
  readonly admin: TopicAdmin;
  readonly registrar: SchemaRegistrar;
  /** Put before every topic name, and so in every subject. */
  readonly prefix: string;
  /** Wanted number of partitions; existing topics keep theirs. */
  readonly partitions: number;
  /** Retention of the input topics in milliseconds; existing topics keep theirs, with a warning if it is too short. */
  readonly inputRetentionMs: number;
  /** Named in the command that sets the retention. */
  readonly brokers: readonly string[];
}

/** One item that set-up checked or created, and its outcome. */
export interface SetupStep {
  readonly what: 'topic' | 'schema' | 'compatibility';
  /** With the prefix: a topic, or a subject. */
  readonly name: string;
  readonly outcome: 'created' | 'unchanged';
  /** For an operator: its current state. */
  readonly detail: string;
  /** For an operator: what should be changed, and how. */
  readonly warning?: string;
}

/**
 * Creates missing topics, schemas and compatibility levels, and changes nothing that exists: a second run finds everything
 * unchanged. Throws `topic-unfit` (before anything is created) or `schema-unfit`, naming each mismatch and its correction;
 * `kafka-unavailable`, `registry-unavailable`.
 */
export async function setup(options: SetupOptions): Promise<readonly SetupStep[]> {
  const topics = await setupTopics(options);
  const schemas = await setupSchemas(options);
  return [...topics, ...schemas];
}

const MAX_REPLICAS = 3;
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

function configOf(topic: string, inputRetentionMs: number): Readonly<Record<string, string>> {
  const cleanup = { 'cleanup.policy': cleanupOf(topic) };
  if (COMPACTED.includes(topic)) return cleanup;
  if (topic === INGEST_INDEX_TOPIC) return { ...cleanup, 'retention.ms': String(INDEX_SPAN_MS) };
  const letters = { ...cleanup, 'max.message.bytes': String(DEAD_LETTER_MAX_BYTES) };
  if (topic === DEAD_LETTER_TOPIC) return letters;
  if (topic === INGEST_DEAD_LETTER_TOPIC)
    return { ...letters, 'retention.ms': String(INGEST_DEAD_LETTERS_KEPT_MS) };
  return { ...cleanup, ...inputConfig(inputRetentionMs) };
}

async function setupTopics(options: SetupOptions): Promise<SetupStep[]> {
  const { admin, prefix, partitions, inputRetentionMs: neededMs } = options;
  const existing = await admin.describe(SETUP_TOPICS.map((topic) => prefix + topic));
  const mismatches = [...countMismatches(existing), ...policyMismatches(existing, prefix)];
  if (mismatches.length > 0) throw new EfsError('topic-unfit', mismatches.join('\n'));
  const [first] = existing.values();
  const count = first?.partitions ?? partitions;
  const missing = SETUP_TOPICS.filter((topic) => !existing.has(prefix + topic));
  if (missing.length > 0) {
    const replicationFactor = Math.min(MAX_REPLICAS, await admin.brokers());
    const create = (topic: string): NewTopic => ({
      name: prefix + topic,
      partitions: count,
      replicationFactor,
      config: configOf(topic, neededMs),
    });
    await admin.create(missing.map(create));
  }
  const kept =
    count === partitions ? '' : `, as those that exist already (EFS_PARTITIONS asks for ${partitions})`;
  const warnings = shortInputs(existing, { ...options, neededMs });
  return SETUP_TOPICS.map((topic) => ({
    what: 'topic',
    name: prefix + topic,
    outcome: missing.includes(topic) ? 'created' : 'unchanged',
    detail: `${count} partitions${kept}, ${configOf(topic, neededMs)['cleanup.policy']}`,
    ...warnings.find((each) => each.topic === prefix + topic),
  }));
}

/** All topics must have the same number of partitions; existing topics define it. */
function countMismatches(existing: ReadonlyMap<string, TopicFacts>): string[] {
  const counts = new Set([...existing.values()].map((facts) => facts.partitions));
  if (counts.size <= 1) return [];
  const listed = [...existing].map(([name, facts]) => `${name} ${facts.partitions}`).join(', ');
  return [
    `the topics differ in their number of partitions (${listed}): recreate those that differ with the same number`,
  ];
}

function policyMismatches(existing: ReadonlyMap<string, TopicFacts>, prefix: string): string[] {
  return SETUP_TOPICS.flatMap((topic) => {
    const facts = existing.get(prefix + topic);
    if (facts === undefined) return [];
    const wanted = cleanupOf(topic);
    const found = facts.cleanupPolicy.split(',').map((part) => part.trim());
    if (found.sort().join(',') === wanted) return [];
    return [`${prefix}${topic} has cleanup.policy=${facts.cleanupPolicy}: set cleanup.policy=${wanted}`];
  });
}

async function setupSchemas(options: SetupOptions): Promise<SetupStep[]> {
  const steps: SetupStep[] = [];
  const mismatches: string[] = [];
  for (const schema of TOPIC_SCHEMAS) {
    const outcome = await setupSchema(options, schema);
    steps.push(...outcome.steps);
    mismatches.push(...outcome.mismatches);
  }
  if (mismatches.length > 0) throw new EfsError('schema-unfit', mismatches.join('\n'));
  return steps;
}

/** Apicurio answers NONE for a subject without a level of its own; NONE counts as no level. */
const NO_LEVEL = 'NONE';

/** Sets the level first: the registry then checks the schema against every registered version. */
async function setupSchema(
  { registrar, prefix }: SetupOptions,
  { topic, record, compatibility }: TopicSchema,
): Promise<{ steps: SetupStep[]; mismatches: string[] }> {
  const name = subjectOf(prefix, topic);
  const level = await registrar.compatibility(name);
  const isLevelMissing = level === null || level === NO_LEVEL;
  if (!isLevelMissing && level !== compatibility) {
    return {
      steps: [],
      mismatches: [`subject ${name} has compatibility ${level}: set it to ${compatibility}`],
    };
  }
  if (isLevelMissing) await registrar.setCompatibility(name, compatibility);
  const known = await registrar.idOf(name, SCHEMAS[record].text);
  const registered = known === null ? await registrar.register(name, SCHEMAS[record].text) : { id: known };
  if ('incompatible' in registered) {
    const reason = registered.incompatible;
    return {
      steps: [],
      mismatches: [
        `subject ${name} holds versions that ${record} is not compatible with (${reason}): remove them`,
      ],
    };
  }
  const outcome = (isNew: boolean): 'created' | 'unchanged' => (isNew ? 'created' : 'unchanged');
  return {
    steps: [
      { what: 'compatibility', name, outcome: outcome(isLevelMissing), detail: compatibility },
      {
        what: 'schema',
        name,
        outcome: outcome(known === null),
        detail: `${SCHEMAS[record].fullName}, id ${registered.id}`,
      },
    ],
    mismatches: [],
  };
}
