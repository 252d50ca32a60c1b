import type { Clock } from '../base/clock';
import type { Config } from '../settings/table';
import { EfsError } from '../base/errors';
import { type LogSnapshot, type MemoryLog, memoryLog } from '../log/log.memory';
import type { SchemaRegistrar } from '../avro/registry';
import { memoryRegistry } from '../avro/registry.memory';
import { SCHEMAS, subjectOf, TOPIC_SCHEMAS } from '../feedback/schemas';
import { memoryCommittedOffset, memoryReader, memorySource } from '../log/source.memory';
import { SETUP_TOPICS } from '../feedback/topics';
import { memoryTransactionalSinks, memorySink } from '../log/sink.memory';
import { memoryStore, type Snapshot } from '../store/store.memory';
import { type Servers, groupOf, topicsOf } from './compose';

export type MemoryStore = ReturnType<typeof memoryStore>;

/** Log and store at one moment. */
export interface MemoryState {
  readonly log: LogSnapshot;
  readonly store: Snapshot;
}

/** Servers in this process: a log, a registry and a store of its own, with topics and schemas set up. */
export async function openInMemory(
  config: Config,
  how: { readonly clock: Clock; readonly restored?: MemoryState | undefined },
): Promise<{ servers: Servers; log: MemoryLog; store: MemoryStore }> {
  const { partitions, topicPrefix: prefix } = config;
  const { clock, restored } = how;
  const log = memoryLog({ partitions, clock, ...(restored && { restored: restored.log }) });
  for (const topic of SETUP_TOPICS) log.create(prefix + topic, partitions);
  const store = memoryStore();
  if (restored !== undefined) store.restore(restored.store);
  const registry = memoryRegistry();
  await registerAll(registry, prefix);
  const source = (pipeline: 'status' | 'kpi') =>
    memorySource(log, { topics: topicsOf(config, pipeline), groupId: groupOf(config, pipeline) });
  const servers: Servers = {
    registry,
    store,
    reader: memoryReader(log),
    sink: memorySink(log, { prefix }),
    transactionalSinks: memoryTransactionalSinks(log, { group: groupOf(config, 'kpi'), prefix }),
    committedOffset: memoryCommittedOffset(log),
    sources: { status: source('status'), kpi: source('kpi') },
  };
  return { servers, log, store };
}

async function registerAll(registry: SchemaRegistrar, prefix: string): Promise<void> {
  for (const { topic, record } of TOPIC_SCHEMAS) {
    const registered = await registry.register(subjectOf(prefix, topic), SCHEMAS[record].text);
    if ('incompatible' in registered) throw new EfsError('schema-unfit', registered.incompatible);
  }
}
