import { DeliveryId } from '../base/ids';
import type { Positions } from '../log/source';
import type { Contribution } from '../kpi/encode';
import { emptySum, replaceContribution } from '../kpi/publish';
import { CONTRIBUTIONS_HASH } from '../store/hashes';
import { pagesOf } from '../store/pages';
import { statusTaskOf } from '../store/store';
import {
  type Comparison,
  type DeliveryDifference,
  fieldDifferences,
  hexOf,
  type PartitionComparison,
  type SideName,
  sameFacts,
  sidesOf,
} from './comparison';
import { compareMessages, compareOnlyInCandidate } from './compare-messages';
import {
  type CompareDeps,
  type Findings,
  LISTED_MAX,
  readAligned,
  type Tally,
  withoutRetired,
  type Work,
} from './aligned-read';

/*
 * The proof before a cut-over. It is exact while the active generation keeps running: a page of the active state is read
 * together with its positions, the candidate is brought to exactly these, and then its page is read. Both have folded the
 * same records, so every difference is real. Pages of messages are first compared without alignment, and only messages that
 * differ are read again in this way. Memory holds at most one page, and a bounded list of differences.
 */

/**
 * Compares a candidate that has caught up with the active generation: every message, and every KPI of every delivery.
 * Throws `rebuild-taken-over` where one of them has been promoted, replaced or dropped meanwhile.
 */
export async function compare(deps: CompareDeps): Promise<Comparison> {
  const { active, candidate } = deps.rebuild;
  const sides = sidesOf(active, candidate);
  const findings: Findings = { messages: 0, deliveries: new Set(), listed: [] };
  const work: Work = { ...deps, sides, findings };
  const partitions: PartitionComparison[] = [];
  for (let partition = 0; partition < active.partitions; partition += 1) {
    try {
      partitions.push(await comparePartition(work, partition));
    } finally {
      deps.rebuild.release(partition);
    }
  }
  await deps.rebuild.confirm();
  const listed = [...findings.deliveries].slice(0, LISTED_MAX);
  const deliveries = await differingFields(work, listed);
  const messages = partitions.reduce((sum, each) => sum + each.differingMessages, 0);
  return {
    equal: partitions.every(
      (each) => each.comparable && each.differingDeliveries === 0 && each.differingMessages === 0,
    ),
    settings: sides.settings,
    partitions,
    deliveries,
    messages: findings.listed,
    more: {
      deliveries: findings.deliveries.size - listed.length,
      messages: messages - findings.listed.length,
    },
  };
}

async function comparePartition(work: Work, partition: number): Promise<PartitionComparison> {
  const tally: Tally = {
    partition,
    positions: [],
    deliveries: 0,
    messages: 0,
    digests: { active: 0n, candidate: 0n },
    differingDeliveries: new Set(),
    differingMessages: 0,
    comparable: true,
  };
  for await (const ids of deliveriesOf(work, 'active', tally)) {
    tally.deliveries += ids.length;
    await compareContributions(work, tally, ids);
    for (const id of ids) await compareMessages(work, tally, id);
  }
  for await (const ids of deliveriesOf(work, 'candidate', tally))
    await compareOnlyInCandidate(work, tally, ids);
  const { digests, differingDeliveries } = tally;
  for (const id of differingDeliveries) work.findings.deliveries.add(id);
  return {
    ...tally,
    digests: { active: hexOf(digests.active), candidate: hexOf(digests.candidate) },
    differingDeliveries: differingDeliveries.size,
  };
}

/** The deliveries of one side, page by page, for as long as the sides can be compared. */
async function* deliveriesOf(
  { store, sides }: Work,
  side: SideName,
  tally: Tally,
): AsyncGenerator<DeliveryId[]> {
  for await (const page of pagesOf(store, statusTaskOf(sides[side], tally.partition), CONTRIBUTIONS_HASH)) {
    if (!tally.comparable) return;
    yield page.map(([field]) => DeliveryId(field.toString('utf8')));
  }
}

const fieldOf = (id: DeliveryId): Buffer => Buffer.from(id, 'utf8');

/** The contributions of deliveries on both sides, folded from the same records; null where the sides cannot be aligned. */
async function contributionsOf(
  work: Work,
  partition: number,
  ids: readonly DeliveryId[],
): Promise<{ positions: Positions; pairs: [Contribution | null, Contribution | null][] } | null> {
  const reads = [{ hash: CONTRIBUTIONS_HASH, fields: ids.map(fieldOf) }];
  const aligned = await readAligned(work, partition, reads);
  if (aligned === null) return null;
  const [theirs = []] = await work.store.load(statusTaskOf(work.sides.candidate, partition), reads);
  const read = (bytes: Buffer | null | undefined): Contribution | null =>
    bytes == null ? null : work.contribution.decode(bytes);
  return {
    positions: aligned.positions,
    pairs: ids.map((_, index) => [read(aligned.values[0]?.[index]), read(theirs[index])]),
  };
}

async function compareContributions(work: Work, tally: Tally, ids: readonly DeliveryId[]): Promise<void> {
  const found = await contributionsOf(work, tally.partition, ids);
  if (found === null) {
    tally.comparable = false;
    return;
  }
  tally.positions = found.positions;
  const differing = ids.filter((_, index) => {
    const [active = null, candidate = null] = found.pairs[index] ?? [];
    if (active === null) return false;
    return fieldDifferences(work.sides, active, candidate).length > 0 || !sameFacts(active, candidate);
  });
  for (const id of await withoutRetired(work, tally.partition, differing)) tally.differingDeliveries.add(id);
}

/** The differing KPIs of each delivery, summed over partitions; in each, both sides have folded the same records. */
async function differingFields(work: Work, ids: readonly DeliveryId[]): Promise<DeliveryDifference[]> {
  if (ids.length === 0) return [];
  const { active, candidate } = work.sides;
  const sums = ids.map((id) => ({
    active: emptySum(id, active.stateId),
    candidate: emptySum(id, candidate.stateId),
  }));
  for (let partition = 0; partition < active.partitions; partition += 1) {
    const found = await contributionsOf(work, partition, ids);
    work.rebuild.release(partition);
    found?.pairs.forEach(([ours, theirs], index) => {
      const sum = sums[index];
      if (sum === undefined) return;
      if (ours !== null) replaceContribution(sum.active, null, ours);
      if (theirs !== null) replaceContribution(sum.candidate, null, theirs);
    });
  }
  return ids.map((deliveryId, index) => ({
    deliveryId,
    fields: sums[index] ? fieldDifferences(work.sides, sums[index].active, sums[index].candidate) : [],
  }));
}
