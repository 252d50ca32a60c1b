import { EfsError } from '../base/errors';
import type { Millis } from '../feedback/feedback';
import type { Positions, TopicReader, Watermarks } from '../feedback/source';
import { lastPublished, mutedBegin } from '../pipeline/gate';
import { retiredBegin, retiredDelivery } from '../pipeline/retirement';
import type { Generations, Manifest, Standing, Write } from '../store/store';

/** The settings a generation's state depends on. */
export type Foundation = Pick<Manifest, 'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets'>;

/** Where the markers of retired deliveries are. */
export interface RetiredEnds {
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's own name. */
  readonly contributionsTopic: string;
  /** Since when a marker says that its delivery is retired. */
  retiredAtOf(marker: Buffer): Millis;
}

/** What can be asked of the log when a generation begins. */
export interface GenerationEnds extends RetiredEnds {
  readonly generations: Generations;
  readonly foundation: Foundation;
  /** A generation that is known to be lost, in whole or in part. The one to use comes after it. */
  readonly lost: Standing | null;
  /** Of every input of a partition, by topic index. */
  inputWatermarks(partition: number): Promise<readonly Watermarks[]>;
  contributionWatermarks(partition: number): Promise<Watermarks>;
  /** The KPI topic's own name. */
  readonly kpiTopic: string;
  /** The generation of a published record. */
  generationOf(published: Buffer): number;
}

/**
 * The active generation: the one there is, or, where the store is empty, a new one that will read everything the log
 * holds. If KPIs were published before, the new one succeeds that life: its number is higher, and it publishes nothing
 * until it has caught up with it. It may be of other settings than the foundation's (`misfits`).
 */
export async function ensureGeneration(
  ends: GenerationEnds,
): Promise<{ manifest: Manifest; created: boolean }> {
  const { lost } = ends;
  if (lost !== null) await ends.generations.forget(lost);
  const active = await ends.generations.active();
  if (active !== null) return { manifest: active, created: false };

  const { partitions } = ends.foundation;
  const inputs: (readonly Watermarks[])[] = [];
  const kpi: Positions[] = [];
  const published: ReadonlyMap<string, Buffer>[] = [];
  const retired: ReadonlyMap<string, Millis>[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    inputs.push(await ends.inputWatermarks(partition));
    kpi.push([(await ends.contributionWatermarks(partition)).high]);
    published.push(await lastPublished((onRecord) => ends.reader.read(ends.kpiTopic, partition, onRecord)));
    retired.push(await retiredBefore(ends, partition));
  }
  const earlier = Math.max(
    latestGeneration(published, ends.generationOf),
    lost?.publishedAs ?? 0,
    latestNumber(await ends.generations.list()),
  );
  // A life that has lost its state may have a first record under way that is not in the log yet.
  const succeeds = earlier > 0;
  const wanted: Manifest = {
    ...ends.foundation,
    generation: earlier + 1,
    publishedAs: earlier + 1,
    takesOver: null,
    settled: true,
    succeeds,
    targets: inputs.map((topics) => topics.map(({ high }) => high)),
  };
  const status = inputs.map((topics) => topics.map(({ low }) => low));
  const seed = published.map((last, partition) => ({
    partition,
    writes: begin(succeeds, last, retired[partition] ?? new Map()),
  }));
  const manifest = await ends.generations.create(wanted, { status, kpi }, seed);
  return { manifest, created: true };
}

/** How a kpi task begins, by what was published and retired before. Of what is retired nothing is kept but that. */
function begin(
  succeeds: boolean,
  published: ReadonlyMap<string, Buffer>,
  retired: ReadonlyMap<string, Millis>,
): readonly Write[] {
  const kept = new Map([...published].filter(([deliveryId]) => !retired.has(deliveryId)));
  return [...(succeeds ? mutedBegin(kept) : []), ...retiredBegin(retired)];
}

/** What an earlier life has retired of a partition: deliveries, and since when. */
export async function retiredBefore(
  { reader, contributionsTopic, retiredAtOf }: RetiredEnds,
  partition: number,
): Promise<ReadonlyMap<string, Millis>> {
  const retired = new Map<string, Millis>();
  await reader.read(contributionsTopic, partition, ({ key, value }) => {
    const delivery = retiredDelivery(key);
    if (delivery !== null && value !== null) retired.set(delivery, retiredAtOf(value));
  });
  return retired;
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

/** The highest number in use, be it as a generation's name or in its records; 0 where there is none. */
export function latestNumber(listed: readonly Manifest[]): number {
  return listed.reduce((most, each) => Math.max(most, each.generation, each.publishedAs), 0);
}

const FOUNDATION: readonly (keyof Foundation)[] = ['partitions', 'defaultPolicy', 'domainGroups', 'buckets'];

/** The settings that state was built with, and others than these: `buckets was 1 and is now 16`. */
export function misfits(manifest: Manifest, foundation: Foundation): string[] {
  return FOUNDATION.filter((setting) => manifest[setting] !== foundation[setting]).map(
    (setting) => `${setting} was ${manifest[setting]} and is now ${foundation[setting]}`,
  );
}

/** Throws `generation-unfit` where state was built with other settings than these, naming them. */
export function refuseMisfits(manifest: Manifest, foundation: Foundation): void {
  const found = misfits(manifest, foundation);
  if (found.length === 0) return;
  throw new EfsError(
    'generation-unfit',
    `generation ${manifest.generation} does not fit: ${found.join('; ')}`,
  );
}
