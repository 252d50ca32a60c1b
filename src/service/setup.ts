import { EfsError } from '../base/errors';
import type { NewTopic, TopicAdmin } from '../log/admin';
import type { SchemaRegistrar } from '../avro/registry';
import { type ShortInput, shortInputs } from './input-retention';
import { SCHEMAS, subjectOf, TOPIC_SCHEMAS, type TopicSchema } from '../feedback/schemas';
import { SETUP_TOPICS } from '../feedback/topics';
import { incompatibility, levelMismatch } from './schema-levels';
import { configOf, countMismatches, MAX_REPLICAS, policyMismatches } from './topic-configs';

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

async function setupTopics(options: SetupOptions): Promise<SetupStep[]> {
  const { admin, prefix, partitions, inputRetentionMs: neededMs } = options;
  const existing = await admin.describe(SETUP_TOPICS.map((topic) => prefix + topic));
  const policies = policyMismatches(existing, prefix).map(({ problem, remedy }) => `${problem}: ${remedy}`);
  const mismatches = [...countMismatches(existing), ...policies];
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
    ...warningOf(warnings.find((each) => each.topic === prefix + topic)),
  }));
}

const warningOf = (short: ShortInput | undefined) => (short === undefined ? {} : { warning: short.warning });

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

/** Sets the level first: the registry then checks the schema against every registered version. */
async function setupSchema(
  { registrar, prefix }: SetupOptions,
  { topic, record, compatibility }: TopicSchema,
): Promise<{ steps: SetupStep[]; mismatches: string[] }> {
  const name = subjectOf(prefix, topic);
  const level = await registrar.compatibility(name);
  const mismatch = levelMismatch(name, level, compatibility);
  if (mismatch !== null) return { steps: [], mismatches: [mismatch] };
  const isLevelMissing = level !== compatibility;
  if (isLevelMissing) await registrar.setCompatibility(name, compatibility);
  const known = await registrar.idOf(name, SCHEMAS[record].text);
  const registered = known === null ? await registrar.register(name, SCHEMAS[record].text) : { id: known };
  if ('incompatible' in registered) {
    return { steps: [], mismatches: [incompatibility(name, record, registered.incompatible)] };
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
