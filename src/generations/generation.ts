import { EfsError } from '../base/errors';
import type { LogRecord, TopicReader, Watermarks } from '../log/source';
import { type GateDeps, lastPublished, suppressedStart } from '../pipeline/publish-gate';
import { stateIdInKey } from '../pipeline/state-id';
import type { Strangers } from '../tasks/strangers';
import { retiredWrites, retiredDelivery } from '../pipeline/retention';
import type { OutgoingRecord } from '../log/sink';
import type { Retirement } from '../store/retired';
import type {
  GenerationRef,
  Generations,
  Manifest,
  StartPositions,
  Store,
  TaskAddress,
  Write,
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
  /** The retirement in a marker; null where it has none: the service has not written it. */
  retirementIn(marker: Buffer): Retirement | null;
  /** The generation number that a published record carries; null where the service has not written it. */
  generationOf(published: Buffer): number | null;
  readonly strangers: Strangers;
  /** Allocates a state id in the log; false where another process was first. */
  allocateStateId(stateId: number): Promise<boolean>;
  /** Gives the process that has allocated a state id the time to create its generation. */
  pause(): Promise<void>;
}

/** What earlier generations left in a partition of the contributions topic. */
export interface GenerationHistory {
  /** Retired deliveries. */
  readonly retired: ReadonlyMap<string, Retirement>;
  /** The highest state id in the key of a record; 0 where there is none. */
  readonly latestId: number;
  /** All records before this offset are included. */
  readonly until: number;
}

const NO_HISTORY: GenerationHistory = { retired: new Map(), latestId: 0, until: 0 };

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
  if (lost !== null) await store.deactivate(lost);
  for (let isFirst = true; ; isFirst = false) {
    const active = await store.active();
    if (active !== null) return { manifest: active, created: false };
    const before = await scanLog(deps, stateSettings.partitions);
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
    // A predecessor whose state was lost may still have its first record in flight; its state id is already in the log.
    const hasPredecessor = stateId > 1;
    const manifest: Manifest = {
      ...stateSettings,
      stateId,
      generation: stateId,
      predecessor: null,
      cutoverComplete: true,
      hasPredecessor,
      topicIds: before.topicIds,
      catchUpOffsets: before.origins.map(({ inputs }) => inputs.map(({ high }) => high)),
    };
    const seed = before.origins.map(({ history: { retired } }, partition) =>
      kpiSeed(hasPredecessor, before.last[partition] ?? new Map(), retired),
    );
    const made = await store.create(manifest, startAt(before.origins), seed);
    return { manifest: made, created: made.stateId === stateId };
  }
}

/** What the log holds of a partition before a new generation reads it. */
export interface Origin {
  readonly inputs: readonly Watermarks[];
  /** The end of the contributions, where its kpi task starts: the history holds all before. */
  readonly end: number;
  readonly history: GenerationHistory;
}

export async function originOf(deps: GenerationDeps, partition: number): Promise<Origin> {
  const inputs = await deps.inputWatermarks(partition);
  const { high } = await deps.contributionWatermarks(partition);
  return { inputs, end: high, history: await generationHistory(deps, partition) };
}

/** The start of a new generation: its status tasks read the inputs from their beginning. */
export const startAt = (origins: readonly Origin[]): StartPositions => ({
  status: origins.map(({ inputs }) => inputs.map(({ low }) => low)),
  kpi: origins.map(({ end }) => [end]),
});

/** The log before a new active generation is created, by partition. */
async function scanLog(deps: GenerationDeps, partitions: number) {
  const topicIds = await idsOfTopics(deps);
  const origins: Origin[] = [];
  /** The last published record of each delivery. */
  const last: ReadonlyMap<string, Buffer>[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    origins.push(await originOf(deps, partition));
    const readPublished: GateDeps['readPublished'] = (onRecord) =>
      deps.reader.read(deps.kpiTopic, partition, onRecord);
    const onStranger = (record: LogRecord): void => deps.strangers.passedOver(deps.kpiTopic, record);
    last.push(await lastPublished(readPublished, { generationOf: deps.generationOf, onStranger }));
  }
  const numbers = last.flatMap((records) =>
    [...records.values()].map((value) => deps.generationOf(value) ?? 0),
  );
  const published = numbers.reduce((most, each) => Math.max(most, each), 0);
  return { topicIds, origins, last, published, allocated: latestAllocated(origins) };
}

/** The initial state of a kpi task. A retired delivery keeps its retirement, not its published record. */
function kpiSeed(
  hasPredecessor: boolean,
  published: ReadonlyMap<string, Buffer>,
  retired: ReadonlyMap<string, Retirement>,
): readonly Write[] {
  const kept = new Map([...published].filter(([deliveryId]) => !retired.has(deliveryId)));
  return [...(hasPredecessor ? suppressedStart(kept) : []), ...retiredWrites(retired)];
}

/**
 * The history of earlier generations in a partition of the contributions topic: what is `known` already, what the log holds
 * since, and records that are still `pending` in an outbox.
 */
export async function generationHistory(
  { reader, contributionsTopic, retirementIn, strangers }: GenerationDeps,
  partition: number,
  known: GenerationHistory = NO_HISTORY,
  pending: readonly Pick<OutgoingRecord, 'key' | 'value'>[] = [],
): Promise<GenerationHistory> {
  const retired = new Map(known.retired);
  let { latestId, until } = known;
  /** Includes a record; false for one that the service cannot have written. */
  const include = ({ key, value }: Pick<OutgoingRecord, 'key' | 'value'>): boolean => {
    latestId = Math.max(latestId, stateIdInKey(key));
    const delivery = retiredDelivery(key);
    if (delivery === null || value === null) return true;
    const retirement = retirementIn(value);
    if (retirement !== null) retired.set(delivery, retirement);
    return retirement !== null;
  };
  const onRecord = (record: LogRecord): void => {
    if (!include(record)) strangers.passedOver(contributionsTopic, record);
    until = record.offset + 1;
  };
  await reader.read(contributionsTopic, partition, onRecord, known.until);
  pending.forEach(include);
  return { retired, latestId, until };
}

/** The highest state id that was ever allocated; 0 where there is none. */
export function latestAllocated(origins: readonly Origin[]): number {
  return origins.reduce((most, { history }) => Math.max(most, history.latestId), 0);
}

/** The highest state id or generation number on the list; 0 where it is empty. */
export function latestNumber(listed: readonly Manifest[]): number {
  return listed.reduce((most, each) => Math.max(most, each.stateId, each.generation), 0);
}

const STATE_SETTINGS: readonly (keyof StateSettings)[] = [
  'partitions',
  'defaultPolicy',
  'domainGroups',
  'buckets',
];

/** The settings that differ from those the state was built with: `buckets was 1 and is now 16`. */
export function mismatches(manifest: Manifest, stateSettings: StateSettings): string[] {
  return STATE_SETTINGS.filter((setting) => manifest[setting] !== stateSettings[setting]).map(
    (setting) => `${setting} was ${manifest[setting]} and is now ${stateSettings[setting]}`,
  );
}

/** Throws `generation-dropping` where the generation's deletion has begun. */
export function refuseDropping({ stateId, dropping }: Manifest): void {
  if (dropping) throw new EfsError('generation-dropping', `generation ${stateId} is being dropped`);
}

/** Throws `generation-unfit` where the state was built with other settings; the error names them. */
export function refuseMismatches(manifest: Manifest, stateSettings: StateSettings): void {
  const found = mismatches(manifest, stateSettings);
  if (found.length === 0) return;
  throw new EfsError('generation-unfit', `generation ${manifest.stateId} does not fit: ${found.join('; ')}`);
}

/** All tasks of a state in one pipeline, by partition. */
export const tasksOf = (
  { stateId, partitions }: Pick<Manifest, 'stateId' | 'partitions'>,
  pipeline: TaskAddress['pipeline'],
): TaskAddress[] => Array.from({ length: partitions }, (_, partition) => ({ stateId, pipeline, partition }));
