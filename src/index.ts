import { assemble, groupOf, outagesOf, topicsOf, type Watchers } from './cli/assemble';
import { systemClock } from './base/clock';
import { type Config, readConfig } from './base/config';
import { silentLog } from './base/log';
import { EfsError } from './base/errors';
import { type MemoryLog, memoryLog } from './feedback/log.memory';
import { memoryRegistry } from './feedback/registry.memory';
import type { SchemaRegistrar } from './feedback/registry';
import { type RecordName, SCHEMAS, subjectOf, TOPIC_SCHEMAS } from './feedback/schemas';
import { memoryCommittedOffset, memoryReader, memorySource } from './feedback/source.memory';
import type { TopicReader } from './feedback/source';
import { ALL_TOPICS, CONTRIBUTIONS_TOPIC } from './feedback/topics';
import { memoryFencedSinks, memorySink } from './kpi/sink.memory';
import { NO_METER } from './service/meter';
import { type Service, startService } from './service/run';
import type { Generations, Store, TaskAddress } from './store/store';
import { memoryStore } from './store/store.memory';

export { DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from './feedback/topics';

/** A running service inside this process, with its log, registry and store at hand. */
export interface Embedded {
  readonly log: MemoryLog;
  readonly registry: SchemaRegistrar;
  readonly store: Store & Generations;
  readonly reader: TopicReader;
  /** Id of each record's schema in the registry. */
  readonly schemaIds: Readonly<Record<RecordName, number>>;
  /** The tasks that run. */
  readonly running: Service['running'];
  /** Resolves when every record that the log holds by then is folded and published. */
  caughtUp(): Promise<void>;
  /** Finishes what is under way, and ends. */
  stop(): Promise<void>;
}

/**
 * The whole service in this process, on a log and a store in memory: no Kafka, no Redis, nothing to install. Settings
 * are those of `efs run`, by their variables; those of servers are of no use here. Throws `config-invalid`.
 */
export async function embed(
  settings: Readonly<Record<string, string>> = {},
  watchers: Partial<Omit<Watchers, 'outages'>> = {},
): Promise<Embedded> {
  const config = configFrom(settings);
  const log = memoryLog({ partitions: config.partitions });
  for (const topic of ALL_TOPICS) log.create(config.topicPrefix + topic, config.partitions);
  const registry = memoryRegistry();
  const schemaIds = await registerAll(registry, config.topicPrefix);
  const store = memoryStore();
  const reader = memoryReader(log);
  const kpiGroup = groupOf(config, 'kpi');
  const [contributions = CONTRIBUTIONS_TOPIC] = topicsOf(config, 'kpi');
  const prefix = config.topicPrefix;
  const abort = new AbortController();
  const watching = { ...unwatched, ...watchers };
  const service = await startService(
    assemble(
      config,
      {
        registry,
        store,
        reader,
        sink: memorySink(log, { prefix }),
        fencedSinks: memoryFencedSinks(log, { group: kpiGroup, witnessTopic: contributions, prefix }),
        committedOffset: memoryCommittedOffset(log),
        sources: {
          status: memorySource(log, {
            topics: topicsOf(config, 'status'),
            groupId: groupOf(config, 'status'),
          }),
          kpi: memorySource(log, { topics: topicsOf(config, 'kpi'), groupId: kpiGroup }),
        },
      },
      {
        watchers: { ...watching, outages: outagesOf(watching, systemClock) },
        pipelines: ['status', 'kpi'],
        partitions: config.partitions,
        ids: {
          contribution: schemaIds.Contribution,
          retryOutcome: schemaIds.RetryOutcome,
          kpiChanged: schemaIds.KpiChanged,
          messageStatusChanged: schemaIds.MessageStatusChanged,
        },
        signal: abort.signal,
      },
    ),
  );
  const stop = async (): Promise<void> => {
    await service.stop(STOP_GRACE_MS);
    abort.abort();
  };
  const caughtUp = async (): Promise<void> => {
    for (const pipeline of ['status', 'kpi'] as const) {
      const topics = topicsOf(config, pipeline);
      for (let partition = 0; partition < config.partitions; partition++) {
        await reached({ log, store }, topics, { generation: 1, pipeline, partition });
      }
    }
  };
  const { running } = service;
  return { log, registry, store, reader, schemaIds, running, caughtUp, stop };
}

const POLL_MS = 20;

/** Waits until a task stands at the end of its topics as it is at the call. */
async function reached(
  { log, store }: Pick<Embedded, 'log' | 'store'>,
  topics: readonly string[],
  task: TaskAddress,
): Promise<void> {
  const ends = topics.map((topic) => log.watermarks(topic, task.partition).high);
  for (;;) {
    const standing = await store.inspect(task);
    if (ends.every((end, topic) => (standing?.positions[topic] ?? 0) >= end)) return;
    await systemClock.sleep(POLL_MS);
  }
}

const STOP_GRACE_MS = 8_000;

const nothing = (): void => undefined;

const unwatched: Omit<Watchers, 'outages'> = {
  log: silentLog,
  meter: NO_METER,
  onReason: nothing,
  onFatal: nothing,
};

function configFrom(settings: Readonly<Record<string, string>>): Config {
  const result = readConfig(settings);
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
  return result.ok;
}

async function registerAll(registry: SchemaRegistrar, prefix: string): Promise<Record<RecordName, number>> {
  const ids: Partial<Record<RecordName, number>> = {};
  for (const { topic, record } of TOPIC_SCHEMAS) {
    const registered = await registry.register(subjectOf(prefix, topic), SCHEMAS[record].text);
    if ('incompatible' in registered) throw new EfsError('schema-unfit', registered.incompatible);
    ids[record] = registered.id;
  }
  return ids as Record<RecordName, number>;
}
