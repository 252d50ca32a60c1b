import type { Clock } from '../../src/base/clock';
import { must } from '../../src/base/assert';
import { contributionDecoder, feedbackDecoder } from '../../src/feedback/decode';
import { recordOf } from '../../src/log/log.memory';
import type { SchemaRegistry } from '../../src/avro/registry';
import { parseWriterSchema } from '../../src/avro/schema';
import { SCHEMAS as OURS, type WrittenIds } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { ServiceDeps } from '../../src/service/run';
import { SCHEMA_IDS, SCHEMAS, wireHeader } from '../support/records';

const texts = [
  ...SCHEMAS.values(),
  ...[OURS.Contribution, OURS.KpiChanged, OURS.MessageStatusChanged].map(({ text }) => text),
];
const types = texts.map(parseWriterSchema);

const idOf = (text: string): number => texts.indexOf(text) + 1;

/** The registry of every history: the inputs' schemas under the ids of `support/records`, then the service's. */
export const registry: SchemaRegistry = {
  schemaById: async (id) => types[id - 1] ?? null,
  idOf: async (_, text) => idOf(text) || null,
};

export const IDS: WrittenIds = {
  Contribution: idOf(OURS.Contribution.text),
  KpiChanged: idOf(OURS.KpiChanged.text),
  MessageStatusChanged: idOf(OURS.MessageStatusChanged.text),
  RetryOutcome: must(SCHEMA_IDS['mta.retry-outcome'], 'the inputs have ids'),
};

type Decoders = ServiceDeps['deps']['decoders'];

/** Decoders of one worker. */
export interface BorrowedDecoders {
  readonly decoders: Decoders;
  /** Returns them after the worker has ended. Decoders that still wait for an answer are discarded. */
  returnDecoders(): void;
}

interface PooledDecoders {
  readonly decoders: Decoders;
  registry: SchemaRegistry;
  clock: Clock;
  /** Added to each user's clock: longer than an unknown id is cached. */
  sinceMs: number;
  unanswered: number;
}

const pools = new Map<number, PooledDecoders[]>();
const BETWEEN_USES_MS = 1e9;

/**
 * Decoders for so many partitions that have cached every schema of the registry. Building the cache takes longer than a
 * whole history, so decoders are reused by one worker after the other; unknown ids are not cached that long.
 */
export function borrowDecoders(
  partitions: number,
  whose: { registry: SchemaRegistry; clock: Clock },
): BorrowedDecoders {
  const pool = pools.get(partitions) ?? [];
  pools.set(partitions, pool);
  const known = pool.pop() ?? null;
  const pooled = known ?? unused(partitions);
  const ready = (known === null ? learn(pooled.decoders) : Promise.resolve()).then(() => {
    pooled.registry = whose.registry;
    pooled.clock = whose.clock;
    pooled.sinceMs += BETWEEN_USES_MS;
  });
  return {
    decoders: {
      status: (records) => ready.then(() => pooled.decoders.status(records)),
      kpi: (records) => ready.then(() => pooled.decoders.kpi(records)),
    },
    returnDecoders: () => {
      if (pooled.unanswered === 0) pool.push(pooled);
    },
  };
}

const NO_TIME: Clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };

function unused(partitions: number): PooledDecoders {
  const asked: SchemaRegistry = {
    idOf: registry.idOf,
    schemaById: (id) => {
      pooled.unanswered += 1;
      return pooled.registry.schemaById(id).finally(() => (pooled.unanswered -= 1));
    },
  };
  const clock: Clock = {
    ...NO_TIME,
    now: () => pooled.clock.now(),
    monotonic: () => pooled.sinceMs + pooled.clock.monotonic(),
  };
  const options = { registry: asked, clock, limits: { maxValueBytes: 262_144, maxHeaders: 256 } };
  const decoders: Decoders = {
    status: feedbackDecoder({ ...options, topics: FEEDBACK_TOPICS, partitioner: 'murmur2', partitions }),
    kpi: contributionDecoder(options),
  };
  const pooled: PooledDecoders = { decoders, registry, clock: NO_TIME, sinceMs: 0, unanswered: 0 };
  return pooled;
}

/** Makes decoders cache every schema, with one record of each. The records need no content. */
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
