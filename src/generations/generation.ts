import { EfsError } from '../base/errors';
import type { LogRecord, Positions, TopicReader, Watermarks } from '../log/source';
import { lastPublished, suppressedStart } from '../pipeline/publish-gate';
import { stateIdInKey } from '../pipeline/state-id';
import { retiredWrites, retiredDelivery } from '../pipeline/retention';
import type { OutgoingRecord } from '../log/sink';
import type { Retirement } from '../store/retired';
import type {
  Generations,
  Manifest,
  Seed,
  GenerationRef,
  StartPositions,
  Write,
  TaskAddress,
} from '../store/store';

/** The settings a generation's state depends on. */
export type StateSettings = Pick<Manifest, 'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets'>;

/** Reads what earlier generations left in the contributions topic. */
export interface HistoryDeps {
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's name in Kafka. */
  readonly contributionsTopic: string;
  /** The retirement in a marker; null where it has none. */
  retirementIn(marker: Buffer): Retirement | null;
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

/** Allocates the id of a new state. */
export interface AllocationDeps extends HistoryDeps {
  /** Allocates a state id in the log; false where another process was first. */
  allocateStateId(stateId: number): Promise<boolean>;
}

/** The dependencies of opening the active generation. */
export interface GenerationDeps extends AllocationDeps {
  readonly generations: Generations;
  readonly stateSettings: StateSettings;
  /** A generation whose state is lost, in whole or in part; its successor gets a higher number. */
  readonly lost: GenerationRef | null;
  /** Watermarks of every input of a partition, by topic index. */
  inputWatermarks(partition: number): Promise<readonly Watermarks[]>;
  contributionWatermarks(partition: number): Promise<Watermarks>;
  /** The KPI topic's name in Kafka. */
  readonly kpiTopic: string;
  /** Gives the process that has allocated a state id the time to create its generation. */
  pause(): Promise<void>;
  /** The generation number that a published record carries. */
  generationOf(published: Buffer): number;
}

/**
 * Returns the active generation; where the store is empty, creates one that will read everything the log holds. If KPIs
 * were published before, the new generation has a predecessor: its number is higher, and it publishes nothing until it has
 * caught up with it. The active one may have been built with other settings than `deps.stateSettings` (`mismatches`).
 */
export async function ensureGeneration(
  deps: GenerationDeps,
): Promise<{ manifest: Manifest; created: boolean }> {
  const { lost, generations } = deps;
  if (lost !== null) await generations.deactivate(lost);
  for (let isFirst = true; ; isFirst = false) {
    const active = await generations.active();
    if (active !== null) return { manifest: active, created: false };
    const before = await scanHistory(deps);
    // Scanning the log takes a while: a generation created meanwhile must not cost another state id.
    if ((await generations.active()) !== null) continue;
    const stateId = before.latest + 1;
    // Another process may be creating the last allocated one, or may have allocated one since the scan.
    if ((isFirst && before.isPending) || !(await deps.allocateStateId(stateId))) {
      await deps.pause();
      continue;
    }
    const { manifest, start, seed } = successorOf(deps.stateSettings, stateId, before);
    const made = await generations.create(manifest, start, seed);
    return { manifest: made, created: made.stateId === stateId };
  }
}

/** What the log and the list of generations hold before a new generation is created, by partition. */
interface LogHistory {
  readonly inputs: readonly (readonly Watermarks[])[];
  readonly kpi: readonly Positions[];
  readonly published: readonly ReadonlyMap<string, Buffer>[];
  readonly histories: readonly GenerationHistory[];
  /** The highest state id or generation number ever used; 0 where there was none. */
  readonly latest: number;
  /** Whether that id is allocated, and nothing else is known of its state. */
  readonly isPending: boolean;
}

async function scanHistory(deps: GenerationDeps): Promise<LogHistory> {
  const inputs: (readonly Watermarks[])[] = [];
  const kpi: Positions[] = [];
  const published: ReadonlyMap<string, Buffer>[] = [];
  const histories: GenerationHistory[] = [];
  for (let partition = 0; partition < deps.stateSettings.partitions; partition++) {
    inputs.push(await deps.inputWatermarks(partition));
    kpi.push([(await deps.contributionWatermarks(partition)).high]);
    published.push(await lastPublished((onRecord) => deps.reader.read(deps.kpiTopic, partition, onRecord)));
    histories.push(await generationHistory(deps, partition));
  }
  const known = Math.max(
    latestGeneration(published, deps.generationOf),
    deps.lost?.generation ?? 0,
    latestNumber(await deps.generations.list()),
  );
  const allocated = latestAllocated(histories);
  const latest = Math.max(allocated, known);
  return { inputs, kpi, published, histories, latest, isPending: allocated > known };
}

/** A new generation, its start positions, and the initial state of its kpi tasks. */
function successorOf(
  stateSettings: StateSettings,
  stateId: number,
  { inputs, kpi, published, histories, latest }: LogHistory,
): { manifest: Manifest; start: StartPositions; seed: Seed } {
  // A predecessor whose state was lost may still have its first record in flight; its state id is already in the log.
  const hasPredecessor = latest > 0;
  return {
    manifest: {
      ...stateSettings,
      stateId,
      generation: stateId,
      predecessor: null,
      cutoverComplete: true,
      hasPredecessor,
      catchUpOffsets: inputs.map((topics) => topics.map(({ high }) => high)),
    },
    start: { status: inputs.map((topics) => topics.map(({ low }) => low)), kpi },
    seed: published.map((last, partition) => ({
      partition,
      writes: kpiSeed(hasPredecessor, last, histories[partition]?.retired ?? new Map()),
    })),
  };
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
  { reader, contributionsTopic, retirementIn }: HistoryDeps,
  partition: number,
  known: GenerationHistory = NO_HISTORY,
  pending: readonly Pick<OutgoingRecord, 'key' | 'value'>[] = [],
): Promise<GenerationHistory> {
  const retired = new Map(known.retired);
  let { latestId, until } = known;
  const include = ({ key, value }: Pick<OutgoingRecord, 'key' | 'value'>): void => {
    latestId = Math.max(latestId, stateIdInKey(key));
    const delivery = retiredDelivery(key);
    const retirement = delivery === null || value === null ? null : retirementIn(value);
    if (delivery !== null && retirement !== null) retired.set(delivery, retirement);
  };
  const onRecord = (record: LogRecord): void => {
    include(record);
    until = record.offset + 1;
  };
  await reader.read(contributionsTopic, partition, onRecord, known.until);
  pending.forEach(include);
  return { retired, latestId, until };
}

function latestGeneration(
  published: readonly ReadonlyMap<string, Buffer>[],
  generationOf: (published: Buffer) => number,
): number {
  let latest = 0;
  for (const last of published)
    for (const value of last.values()) latest = Math.max(latest, generationOf(value));
  return latest;
}

/** The highest state id that was ever allocated; 0 where there is none. */
export function latestAllocated(histories: readonly GenerationHistory[]): number {
  return histories.reduce((most, { latestId }) => Math.max(most, latestId), 0);
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
