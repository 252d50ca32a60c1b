import { EfsError } from '../base/errors';
import type { LogRecord, Positions, TopicReader, Watermarks } from '../log/source';
import { lastPublished, suppressedStart } from '../pipeline/publish-gate';
import { nameIn } from '../pipeline/generation-claim';
import { retiredWrites, retiredDelivery } from '../pipeline/retention';
import type { OutgoingRecord } from '../log/sink';
import type { Retirement } from '../store/retired';
import type { Generations, Manifest, Seed, Standing, StartPositions, Write } from '../store/store';

/** The settings a generation's state depends on. */
export type StateSettings = Pick<Manifest, 'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets'>;

/** How to read what earlier generations have left in the contributions. */
export interface HistoryDeps {
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's own name. */
  readonly contributionsTopic: string;
  /** What a marker says of its delivery. */
  retirementIn(marker: Buffer): Retirement | null;
}

/** What earlier generations have left in a partition of the contributions. */
export interface GenerationHistory {
  /** Deliveries that are retired. */
  readonly retired: ReadonlyMap<string, Retirement>;
  /** The highest name that a record there has; 0 where there is none. */
  readonly name: number;
  /** All that lies before this offset is in it. */
  readonly until: number;
}

const NO_HISTORY: GenerationHistory = { retired: new Map(), name: 0, until: 0 };

/** How a generation gets its name. */
export interface AllocationDeps extends HistoryDeps {
  /** Takes the name in the log; false where somebody else was first. */
  allocateGeneration(generation: number): Promise<boolean>;
}

/** What can be asked of the log when a generation begins. */
export interface GenerationDeps extends AllocationDeps {
  readonly generations: Generations;
  readonly stateSettings: StateSettings;
  /** A generation that is known to be lost, in whole or in part. The one to use comes after it. */
  readonly lost: Standing | null;
  /** Of every input of a partition, by topic index. */
  inputWatermarks(partition: number): Promise<readonly Watermarks[]>;
  contributionWatermarks(partition: number): Promise<Watermarks>;
  /** The KPI topic's own name. */
  readonly kpiTopic: string;
  /** Gives whoever has taken a name the time to make its generation. */
  pause(): Promise<void>;
  /** The generation of a published record. */
  generationOf(published: Buffer): number;
}

/**
 * The active generation: the one there is, or, where the store is empty, a new one that will read everything the log
 * holds. If KPIs were published before, the new one succeeds that life: its number is higher, and it publishes nothing
 * until it has caught up with it. It may be of other settings than the foundation's (`misfits`).
 */
export async function ensureGeneration(
  deps: GenerationDeps,
): Promise<{ manifest: Manifest; created: boolean }> {
  const { lost, generations } = deps;
  if (lost !== null) await generations.forget(lost);
  for (let isFirst = true; ; isFirst = false) {
    const active = await generations.active();
    if (active !== null) return { manifest: active, created: false };
    const before = await scanHistory(deps);
    // The log takes a while to read: who made one meanwhile must not cost another name.
    if ((await generations.active()) !== null) continue;
    const name = before.latest + 1;
    // Somebody may be about to make the one that is named. Or has lived and died since the log was read.
    if ((isFirst && before.isBegun) || !(await deps.allocateGeneration(name))) {
      await deps.pause();
      continue;
    }
    const { manifest, start, seed } = beginning(deps.stateSettings, name, before);
    const made = await generations.create(manifest, start, seed);
    return { manifest: made, created: made.stateId === name };
  }
}

/** What the log and the list say when a generation begins; by partition. */
interface LogHistory {
  readonly inputs: readonly (readonly Watermarks[])[];
  readonly kpi: readonly Positions[];
  readonly published: readonly ReadonlyMap<string, Buffer>[];
  readonly lives: readonly GenerationHistory[];
  /** The highest number that was ever in use; 0 where none was. */
  readonly latest: number;
  /** Whether nothing is known of that one but its name. */
  readonly isBegun: boolean;
}

async function scanHistory(deps: GenerationDeps): Promise<LogHistory> {
  const inputs: (readonly Watermarks[])[] = [];
  const kpi: Positions[] = [];
  const published: ReadonlyMap<string, Buffer>[] = [];
  const lives: GenerationHistory[] = [];
  for (let partition = 0; partition < deps.stateSettings.partitions; partition++) {
    inputs.push(await deps.inputWatermarks(partition));
    kpi.push([(await deps.contributionWatermarks(partition)).high]);
    published.push(await lastPublished((onRecord) => deps.reader.read(deps.kpiTopic, partition, onRecord)));
    lives.push(await generationHistory(deps, partition));
  }
  const known = Math.max(
    latestGeneration(published, deps.generationOf),
    deps.lost?.generation ?? 0,
    latestNumber(await deps.generations.list()),
  );
  const named = latestName(lives);
  return { inputs, kpi, published, lives, latest: Math.max(named, known), isBegun: named > known };
}

/** A new generation, its start positions, and what its kpi tasks begin with. */
function beginning(
  stateSettings: StateSettings,
  name: number,
  { inputs, kpi, published, lives, latest }: LogHistory,
): { manifest: Manifest; start: StartPositions; seed: Seed } {
  // A life that has lost its state may have a first record under way that is not in the log yet; its name is.
  const hasPredecessor = latest > 0;
  return {
    manifest: {
      ...stateSettings,
      stateId: name,
      generation: name,
      predecessor: null,
      cutoverComplete: true,
      hasPredecessor,
      catchUpOffsets: inputs.map((topics) => topics.map(({ high }) => high)),
    },
    start: { status: inputs.map((topics) => topics.map(({ low }) => low)), kpi },
    seed: published.map((last, partition) => ({
      partition,
      writes: begin(hasPredecessor, last, lives[partition]?.retired ?? new Map()),
    })),
  };
}

/** How a kpi task begins, by what was published and retired before. Of what is retired nothing is kept but that. */
function begin(
  hasPredecessor: boolean,
  published: ReadonlyMap<string, Buffer>,
  retired: ReadonlyMap<string, Retirement>,
): readonly Write[] {
  const kept = new Map([...published].filter(([deliveryId]) => !retired.has(deliveryId)));
  return [...(hasPredecessor ? suppressedStart(kept) : []), ...retiredWrites(retired)];
}

/**
 * What the contributions in a partition tell of the generations that were there before: what is `known` of them already, what
 * lies in the log since, and what is `unsaid` yet.
 */
export async function generationHistory(
  { reader, contributionsTopic, retirementIn }: HistoryDeps,
  partition: number,
  known: GenerationHistory = NO_HISTORY,
  pending: readonly Pick<OutgoingRecord, 'key' | 'value'>[] = [],
): Promise<GenerationHistory> {
  const retired = new Map(known.retired);
  let { name, until } = known;
  const note = ({ key, value }: Pick<OutgoingRecord, 'key' | 'value'>): void => {
    name = Math.max(name, nameIn(key));
    const delivery = retiredDelivery(key);
    const as = delivery === null || value === null ? null : retirementIn(value);
    if (delivery !== null && as !== null) retired.set(delivery, as);
  };
  const onRecord = (record: LogRecord): void => {
    note(record);
    until = record.offset + 1;
  };
  await reader.read(contributionsTopic, partition, onRecord, known.until);
  pending.forEach(note);
  return { retired, name, until };
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

/** The highest name that was ever taken; 0 where none was. */
export function latestName(lives: readonly GenerationHistory[]): number {
  return lives.reduce((most, { name }) => Math.max(most, name), 0);
}

/** The highest number in use, be it as a generation's name or in its records; 0 where there is none. */
export function latestNumber(listed: readonly Manifest[]): number {
  return listed.reduce((most, each) => Math.max(most, each.stateId, each.generation), 0);
}

const STATE_SETTINGS: readonly (keyof StateSettings)[] = [
  'partitions',
  'defaultPolicy',
  'domainGroups',
  'buckets',
];

/** The settings that state was built with, and others than these: `buckets was 1 and is now 16`. */
export function mismatches(manifest: Manifest, stateSettings: StateSettings): string[] {
  return STATE_SETTINGS.filter((setting) => manifest[setting] !== stateSettings[setting]).map(
    (setting) => `${setting} was ${manifest[setting]} and is now ${stateSettings[setting]}`,
  );
}

/** Throws `generation-dropping` where the generation's deletion has begun. */
export function refuseDropping({ stateId, dropping }: Manifest): void {
  if (dropping) throw new EfsError('generation-dropping', `generation ${stateId} is being dropped`);
}

/** Throws `generation-unfit` where state was built with other settings than these, naming them. */
export function refuseMismatches(manifest: Manifest, stateSettings: StateSettings): void {
  const found = mismatches(manifest, stateSettings);
  if (found.length === 0) return;
  throw new EfsError('generation-unfit', `generation ${manifest.stateId} does not fit: ${found.join('; ')}`);
}
