import { must } from '../../src/base/assert';
import { configFrom } from '../../src/settings/config';
import { compose, type Servers, outagesOf, topicsOf } from '../../src/app/compose';
import { memoryCommittedOffset, memoryReader, memorySource } from '../../src/log/source.memory';
import { memoryTransactionalSinks, memorySink } from '../../src/log/sink.memory';
import { type Comparison } from '../../src/generations/comparison';
import { compare } from '../../src/generations/compare';
import type { StateSettings } from '../../src/generations/generation';
import { type Rebuild, type RebuildDeps, startRebuild } from '../../src/generations/rebuild';
import { schemaIds, WRITTEN_RECORDS } from '../../src/feedback/schemas';
import { recordingLog } from '../base/recording-log';
import { NO_METER } from '../../src/tasks/meter';
import type { World } from './world';

/** The dependencies of a rebuild in a world. */
export async function rebuildDeps(world: World, maxRate: number | null = null): Promise<RebuildDeps> {
  const { log, store, registry, partitions, clock, settings } = world;
  const config = configFrom({ EFS_PARTITIONS: String(partitions), EFS_BATCH_MAX: String(settings.batchMax) });
  const source = memorySource(log, { topics: topicsOf(config, 'status'), groupId: null });
  const deps: Servers = {
    ...{ registry, store, reader: memoryReader(log), committedOffset: memoryCommittedOffset(log) },
    sink: memorySink(log),
    transactionalSinks: memoryTransactionalSinks(log, {
      group: 'none',
    }),
    sources: { status: source, kpi: source },
  };
  const watching = { log: recordingLog(), meter: NO_METER, onReason: () => undefined };
  const watchers = { ...watching, outages: outagesOf(watching, clock), onFatal: () => undefined };
  const { signal } = new AbortController();
  const ids = await schemaIds(registry, '', WRITTEN_RECORDS);
  const how = { watchers, pipelines: ['status'] as const, partitions, ids, signal, clock };
  const assembled = compose(config, deps, how);
  return { ...assembled.generation, store, pipeline: assembled.deps, source, maxRate };
}

/** Lets time pass until a promise has settled; returns its result. */
export async function during<T>(world: World, work: Promise<T>): Promise<T> {
  let settled = false;
  const done = (): void => void (settled = true);
  work.then(done, done);
  await world.until(() => settled, 'it has settled');
  return work;
}

/** The settings of the active generation, with some changed. */
export async function stateSettingsOf(
  world: World,
  changed: Partial<StateSettings> = {},
): Promise<StateSettings> {
  const { defaultPolicy, domainGroups, buckets, partitions } = must(
    await world.store.active(),
    'a generation',
  );
  return { defaultPolicy, domainGroups, buckets, partitions, ...changed };
}

/** A rebuild in a world that has caught up. */
export async function rebuilt(world: World, changed: Partial<StateSettings> = {}): Promise<Rebuild> {
  const starting = startRebuild(await rebuildDeps(world), await stateSettingsOf(world, changed));
  const rebuild = await during(world, starting);
  await during(world, rebuild.caughtUp());
  return rebuild;
}

export async function compared(world: World, rebuild: Rebuild): Promise<Comparison> {
  const { contribution } = (await rebuildDeps(world)).pipeline.wire;
  const { store, clock } = world;
  return during(world, compare({ store, rebuild, contribution, clock }));
}
