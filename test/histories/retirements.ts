import { must } from '../../src/base/assert';
import { SCHEMAS } from '../../src/feedback/schemas';
import { RETIRED_TOPIC } from '../../src/feedback/topics';
import { type Contribution, wireType } from '../../src/kpi/encode';
import type { MemoryLog } from '../../src/log/log.memory';
import type { Installation } from './installation';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);

/** How a delivery was retired in a partition: the first record that says so. */
export interface Retirement {
  /** Its last contribution; with the offsets from which on feedback is late. */
  readonly share: Contribution;
  readonly appendedAt: number;
  /** Later records that say something else. */
  readonly others: Contribution[];
}

export const placeOf = (deliveryId: string, partition: number): string => `${deliveryId} in ${partition}`;

/** The retired deliveries, by `placeOf`, kept up to date. */
export function retirementsIn(log: MemoryLog, partitions: number): ReadonlyMap<string, Retirement> {
  const found = new Map<string, Retirement>();
  for (let partition = 0; partition < partitions; partition += 1)
    log.watch(RETIRED_TOPIC, partition, () => {
      const { high } = log.watermarks(RETIRED_TOPIC, partition);
      const entry = log.entry(RETIRED_TOPIC, partition, high - 1);
      if (entry?.record == null) return;
      const share = contribution.decode(must(entry.record.value, 'a retired delivery'));
      const place = placeOf(share.deliveryId ?? '', partition);
      const first = found.get(place);
      if (first === undefined) found.set(place, { share, appendedAt: entry.timestamp, others: [] });
      else if (JSON.stringify(first.share.retiredFrom) !== JSON.stringify(share.retiredFrom))
        first.others.push(share);
    });
  return found;
}

/** What is wrong with the retired deliveries: when they were retired, what they count, and records that contradict each other. */
export function retirementProblems({
  ledger,
  scenario,
}: Pick<Installation, 'ledger' | 'scenario'>): string[] {
  const { retentionMs } = scenario.settings;
  return [...ledger.retirements].flatMap(([place, { share, appendedAt, others }]) => {
    if (retentionMs === null) return [`${place} is retired, and retention is off`];
    const from = must(share.retiredFrom, 'offsets');
    const counted = Object.entries(from).flatMap(([topic, below]) =>
      ledger
        .countedFacts(Number(topic), share.partition, below)
        .filter(({ deliveryId }) => deliveryId === share.deliveryId),
    );
    const last = Math.max(...counted.map(({ occurredAt }) => occurredAt));
    return [
      ...(last + retentionMs < appendedAt ? [] : [`${place} is retired, with feedback of ${last}`]),
      ...(share.revision === counted.length
        ? []
        : [`${place} is retired with ${share.revision} records, of ${counted.length}`]),
      ...others.map(
        (other) =>
          `${place} is retired from ${JSON.stringify(from)}, and from ${JSON.stringify(other.retiredFrom)}`,
      ),
    ];
  });
}
