import type { Clock } from '../../src/base/clock';
import { must } from '../../src/base/assert';
import { contributionDecoder, feedbackDecoder } from '../../src/feedback/decode';
import { recordOf } from '../../src/log/log.memory';
import type { SchemaRegistry } from '../../src/avro/registry';
import { parseWriterSchema } from '../../src/avro/schema';
import { SCHEMAS as OURS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { ServiceDeps } from '../../src/service/run';
import type { SchemaIds } from '../../src/service/setup';
import { SCHEMA_IDS, SCHEMAS, wireHeader } from '../support/records';

const texts = [
  ...SCHEMAS.values(),
  ...[OURS.Contribution, OURS.KpiChanged, OURS.MessageStatusChanged].map(({ text }) => text),
];
const types = texts.map(parseWriterSchema);

const idOf = (text: string): number => texts.indexOf(text) + 1;

/** What every history's registry holds: the inputs' schemas under the ids of `support/records`, then ours. */
export const registry: SchemaRegistry = {
  schemaById: async (id) => types[id - 1] ?? null,
  idOf: async (_, text) => idOf(text) || null,
};

export const IDS: SchemaIds = {
  contribution: idOf(OURS.Contribution.text),
  kpiChanged: idOf(OURS.KpiChanged.text),
  messageStatusChanged: idOf(OURS.MessageStatusChanged.text),
  retryOutcome: must(SCHEMA_IDS['mta.retry-outcome'], 'the inputs have ids'),
};

type Decoders = ServiceDeps['deps']['decoders'];

/** Decoders in use by one worker. */
export interface Lent {
  readonly decoders: Decoders;
  /** The worker is no more. Decoders that still wait for an answer are of no use to anybody else. */
  handBack(): void;
}

interface Shelved {
  readonly decoders: Decoders;
  registry: SchemaRegistry;
  clock: Clock;
  /** Added to the time of whoever uses them: more than they remember an unknown id. */
  sinceMs: number;
  unanswered: number;
}

const shelves = new Map<number, Shelved[]>();
const BETWEEN_USES_MS = 1e9;

/**
 * Decoders for so many partitions that know every schema of the registry. To learn them takes longer than a whole
 * history, so decoders go from one worker to the next; of ids that the registry does not have they remember nothing.
 */
export function lendDecoders(partitions: number, whose: { registry: SchemaRegistry; clock: Clock }): Lent {
  const fakeStore = shelves.get(partitions) ?? [];
  shelves.set(partitions, fakeStore);
  const known = fakeStore.pop() ?? null;
  const shelved = known ?? unused(partitions);
  const ready = (known === null ? learn(shelved.decoders) : Promise.resolve()).then(() => {
    shelved.registry = whose.registry;
    shelved.clock = whose.clock;
    shelved.sinceMs += BETWEEN_USES_MS;
  });
  return {
    decoders: {
      status: (records) => ready.then(() => shelved.decoders.status(records)),
      kpi: (records) => ready.then(() => shelved.decoders.kpi(records)),
    },
    handBack: () => {
      if (shelved.unanswered === 0) fakeStore.push(shelved);
    },
  };
}

const NO_TIME: Clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };

function unused(partitions: number): Shelved {
  const asked: SchemaRegistry = {
    idOf: registry.idOf,
    schemaById: (id) => {
      shelved.unanswered += 1;
      return shelved.registry.schemaById(id).finally(() => (shelved.unanswered -= 1));
    },
  };
  const clock: Clock = {
    ...NO_TIME,
    now: () => shelved.clock.now(),
    monotonic: () => shelved.sinceMs + shelved.clock.monotonic(),
  };
  const options = { registry: asked, clock, limits: { maxValueBytes: 262_144, maxHeaders: 256 } };
  const decoders: Decoders = {
    status: feedbackDecoder({ ...options, topics: FEEDBACK_TOPICS, partitioner: 'murmur2', partitions }),
    kpi: contributionDecoder(options),
  };
  const shelved: Shelved = { decoders, registry, clock: NO_TIME, sinceMs: 0, unanswered: 0 };
  return shelved;
}

/** Shows decoders a record of each schema. That nothing else is in it does not matter. */
async function learn({ status, kpi }: Decoders): Promise<void> {
  const entries = texts.map((_, index) => ({
    offset: index,
    sequence: 0,
    timestamp: 0,
    record: { key: null, value: wireHeader(index + 1) },
  }));
  const records = entries.map((entry) => must(recordOf(entry, 0, 0), 'every entry has a record'));
  await status(records);
  await kpi(records);
}
