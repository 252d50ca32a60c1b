import type { Watermarks } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import { CONTRIBUTIONS_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import { type GenerationState, stateOf } from './lifecycle';
import type { Generations, Manifest, Store, TaskAddress } from '../store/store';

export interface ListedGeneration {
  /** Its state id. */
  readonly generation: number;
  readonly state: GenerationState;
  /** The number that its records carry; null where it has never published. */
  readonly publishedAs: number | null;
  readonly settings: Pick<Manifest, 'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets'>;
  readonly deliveries: number;
  readonly messages: number;
  /** Records of the inputs that it has not folded. */
  readonly lag: number;
  /** False where Kafka no longer holds what it would have to read next: it cannot be brought back. */
  readonly readable: boolean;
}

export interface ListingDeps {
  readonly store: Store & Generations;
  inputWatermarks(partition: number): Promise<readonly Watermarks[]>;
  readonly contribution: WireType<Contribution>;
}

/** All generations, with the progress and size of each. Reads every contribution of each, page by page. */
export async function listGenerations(deps: ListingDeps): Promise<ListedGeneration[]> {
  const active = await deps.store.active();
  const listed: ListedGeneration[] = [];
  for (const each of await deps.store.list()) {
    const manifest = each.stateId === active?.stateId ? active : each;
    listed.push(await describe(deps, manifest, active));
  }
  return listed;
}

async function describe(
  deps: ListingDeps,
  manifest: Manifest,
  active: Manifest | null,
): Promise<ListedGeneration> {
  const { stateId, generation, partitions, defaultPolicy, domainGroups, buckets } = manifest;
  const sum = { deliveries: new Set<string>(), messages: 0, lag: 0, isWhole: true, readable: true };
  for (let partition = 0; partition < partitions; partition += 1) {
    const task: TaskAddress = { stateId, pipeline: 'status', partition };
    const status = await deps.store.inspect(task);
    const kpi = await deps.store.inspect({ ...task, pipeline: 'kpi' });
    if (status === null || kpi === null) sum.isWhole = false;
    (await deps.inputWatermarks(partition)).forEach(({ low, high }, topic) => {
      const position = (status === null ? 0 : status.positions[topic]) ?? low;
      sum.lag += Math.max(0, high - Math.max(low, position));
      if (position < low) sum.readable = false;
    });
    for await (const page of pagesOf(deps.store, task, CONTRIBUTIONS_HASH)) {
      for (const [field, value] of page) {
        sum.deliveries.add(field.toString('utf8'));
        sum.messages += deps.contribution.decode(value).relayed;
      }
    }
  }
  return {
    generation: stateId,
    state: stateOf(manifest, active, sum.isWhole),
    publishedAs: generation === 0 ? null : generation,
    settings: { partitions, defaultPolicy, domainGroups, buckets },
    deliveries: sum.deliveries.size,
    messages: sum.messages,
    lag: sum.lag,
    readable: sum.readable,
  };
}
