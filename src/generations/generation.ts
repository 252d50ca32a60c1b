import { EfsError } from '../base/errors';
import type { TopicReader, Watermarks } from '../log/source';
import { stateIdInKey } from '../pipeline/state-id';
import type { Strangers } from '../tasks/strangers';
import type {
  GenerationRef,
  Generations,
  Manifest,
  StartPositions,
  Store,
  TaskAddress,
} from '../store/store';
import { idsOfTopics, type TopicIdDeps } from './topic-ids';

/** The settings a generation's state depends on. */
export type StateSettings = Pick<Manifest, 'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets'>;

/** The dependencies of creating, cutting over and dropping generations. */
export interface GenerationDeps extends TopicIdDeps {
  readonly store: Store & Generations;
  readonly reader: Pick<TopicReader, 'read' | 'topicIds'>;
  /** The names of the contributions topic and of the KPI topic in Kafka. */
  readonly contributionsTopic: string;
  readonly kpiTopic: string;
  /** Watermarks of every input of a partition, by topic index. */
  inputWatermarks(partition: number): Promise<readonly Watermarks[]>;
  contributionWatermarks(partition: number): Promise<Watermarks>;
  /** The generation number that a published record carries; null where the service has not written it. */
  generationOf(published: Buffer): number | null;
  readonly strangers: Strangers;
  /** Allocates a state id in the log; false where another process was first. */
  allocateStateId(stateId: number): Promise<boolean>;
  /** Gives the process that has allocated a state id the time to create its generation. */
  pause(): Promise<void>;
}

/**
 * Returns the active generation; where the store is empty, creates one that will read everything the log holds. If KPIs
 * were published before, the new generation has a predecessor: its number is higher, and it publishes nothing until it has
 * caught up with it. The active one may have been built with other settings than `stateSettings` (`mismatches`). `lost` is
 * a generation whose state is lost, in whole or in part; its successor gets a higher number.
 */
export async function ensureGeneration(
  deps: GenerationDeps,
  stateSettings: StateSettings,
  lost: GenerationRef | null,
): Promise<{ manifest: Manifest; created: boolean }> {
  const { store } = deps;
  const { partitions } = stateSettings;
  if (lost !== null) {
    await store.deactivate(lost);
    // What is left of it publishes nothing more: not beyond the barriers of the next one.
    await sealAll(store, { ...lost, partitions }, lost.generation);
  }
  for (let isFirst = true; ; isFirst = false) {
    const active = await store.active();
    if (active !== null) return { manifest: active, created: false };
    const before = await scanLog(deps, partitions);
    const known = Math.max(before.published, lost?.generation ?? 0, latestNumber(await store.list()));
    // Scanning the log takes a while: a generation created meanwhile must not cost another state id.
    if ((await store.active()) !== null) continue;
    const stateId = Math.max(before.allocated, known) + 1;
    // Another process may be creating the last allocated one, or may have allocated one since the scan.
    const isPending = before.allocated > known;
    if ((isFirst && isPending) || !(await deps.allocateStateId(stateId))) {
      await deps.pause();
      continue;
    }
    const manifest: Manifest = {
      ...stateSettings,
      stateId,
      // A predecessor whose state was lost may still have its first record in flight; its state id is already in the log.
      generation: stateId,
      predecessor: null,
      topicIds: before.topicIds,
      contributionsFrom: [],
    };
    const made = await store.create(manifest, startAt(before.origins));
    return { manifest: made, created: made.stateId === stateId };
  }
}

/** What the log holds of a partition before a new generation reads it. */
export interface Origin {
  readonly inputs: readonly Watermarks[];
  /** The end of the contributions, where its kpi task starts: none before is of its state. */
  readonly end: number;
  /** The highest state id in the key of a contribution before that end; 0 where there is none. */
  readonly latestId: number;
}

export async function originOf(deps: GenerationDeps, partition: number): Promise<Origin> {
  const inputs = await deps.inputWatermarks(partition);
  const { high } = await deps.contributionWatermarks(partition);
  let latestId = 0;
  await deps.reader.read(deps.contributionsTopic, partition, ({ key }) => {
    latestId = Math.max(latestId, stateIdInKey(key));
  });
  return { inputs, end: high, latestId };
}

/** The start of a new generation: its status tasks read the inputs from their beginning. */
export const startAt = (origins: readonly Origin[]): StartPositions => ({
  status: origins.map(({ inputs }) => inputs.map(({ low }) => low)),
  kpi: origins.map(({ end }) => [end]),
});

/** The log before a new active generation is created. */
async function scanLog(deps: GenerationDeps, partitions: number) {
  const topicIds = await idsOfTopics(deps);
  const origins: Origin[] = [];
  /** The highest generation number that a published record carries. */
  let published = 0;
  for (let partition = 0; partition < partitions; partition++) {
    origins.push(await originOf(deps, partition));
    await deps.reader.read(deps.kpiTopic, partition, (record) => {
      if (record.value === null) return;
      const number = deps.generationOf(record.value);
      if (number === null) deps.strangers.passedOver(deps.kpiTopic, record);
      published = Math.max(published, number ?? 0);
    });
  }
  return { topicIds, origins, published, allocated: latestAllocated(origins) };
}

/** The highest state id that was ever allocated; 0 where there is none. */
export function latestAllocated(origins: readonly Origin[]): number {
  return origins.reduce((most, { latestId }) => Math.max(most, latestId), 0);
}

/** The highest state id or generation number on the list; 0 where it is empty. */
export function latestNumber(listed: readonly Manifest[]): number {
  return listed.reduce((most, each) => Math.max(most, each.stateId, each.generation), 0);
}

/** Settings that a state depends on, as they are written: `16` of `EFS_BUCKETS`. The number of partitions is that of the topics. */
const written = (settings: StateSettings): Readonly<Record<string, string>> => ({
  partitions: String(settings.partitions),
  EFS_POLICY: settings.defaultPolicy.toLowerCase(),
  EFS_DOMAIN_GROUPS: settings.domainGroups,
  EFS_BUCKETS: String(settings.buckets),
});

/** The settings whose value is another one in `after`, with both as they are written. */
export function changedSettings(
  before: StateSettings,
  after: StateSettings,
): readonly { readonly name: string; readonly was: string; readonly is: string }[] {
  const now = written(after);
  return Object.entries(written(before))
    .map(([name, was]) => ({ name, was, is: now[name] ?? '' }))
    .filter(({ was, is }) => was !== is);
}

/** The settings that differ from those the state was built with: `EFS_BUCKETS was 1 and is now 16`. */
export function mismatches(manifest: Manifest, stateSettings: StateSettings): string[] {
  return changedSettings(manifest, stateSettings).map(
    ({ name, was, is }) => `${name} was ${was} and is now ${is}`,
  );
}

/**
 * Throws `generation-unfit` where the state was built with other settings; the error names them. Who follows the settings of the
 * state is refused only where the number of partitions is another one.
 */
export function refuseMismatches(
  manifest: Manifest,
  stateSettings: StateSettings,
  followsSettings: boolean,
): void {
  const { partitions } = stateSettings;
  const found = mismatches(manifest, followsSettings ? { ...manifest, partitions } : stateSettings);
  if (found.length === 0) return;
  throw new EfsError('generation-unfit', `generation ${manifest.stateId} does not fit: ${found.join('; ')}`);
}

/** All tasks of a state in one pipeline, by partition. */
export const tasksOf = (
  { stateId, partitions }: Pick<Manifest, 'stateId' | 'partitions'>,
  pipeline: TaskAddress['pipeline'],
): TaskAddress[] => Array.from({ length: partitions }, (_, partition) => ({ stateId, pipeline, partition }));

/** Seals all tasks of a state against owners under `number` or a lower one. */
export async function sealAll(
  store: Pick<Store, 'seal'>,
  state: Pick<Manifest, 'stateId' | 'partitions'>,
  number: number,
): Promise<void> {
  const tasks = (['status', 'kpi'] as const).flatMap((pipeline) => tasksOf(state, pipeline));
  await Promise.all(tasks.map((task) => store.seal(task, number)));
}
