import { type Dice, dice } from '../../src/simulation/dice';
import { HOUR } from '../support/feedback';
import { campaign } from './campaign';
import { type Fault, faultsOf, STEPS_PER_RECORD } from './faults';
import { type Arrival, type Scenario, scenarioOf, STREAMS } from './scenario';

// Histories with retention: the calendar passes it, tasks retire and remove old deliveries, and feedback comes too late.
// All of it under the same faults.

/** The least retention that the settings allow. */
const RETENTION_MS = 252 * HOUR;

/** Late records, at most. */
const MOST_LATE = 16;
const LATE_SPANS_MS = [5_000, 20_000, 60_000];
/** Faults are spread over so many times as many steps as in other histories. */
const LONGER = 4;

/** The scenario of this seed, with retention. */
export function retentionScenarioOf(seed: number): Scenario {
  const base = scenarioOf(seed);
  const source = dice(seed, STREAMS.retention);
  const { workers, partitions, arrivals } = base;
  const records = LONGER * arrivals.length;
  const passages = Array.from({ length: 1 + source.below(2) }, () => retentionFault(source, arrivals.length));
  const faults = [...faultsOf(source, { workers, partitions, records }), ...passages];
  return {
    ...base,
    settings: { ...base.settings, retentionMs: RETENTION_MS },
    arrivals: [...arrivals, ...lateArrivals(source, base)],
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

function retentionFault(source: Dice, records: number): Fault {
  return {
    kind: 'retention',
    at: source.below(STEPS_PER_RECORD * records),
    forMs: RETENTION_MS + source.below(3) * 50 * HOUR,
    hours: 2 + source.below(8),
    everyMs: 1_000 + source.below(11_000),
  };
}

function lateArrivals(source: Dice, { arrivals, partitions }: Scenario): Arrival[] {
  const first = arrivals.at(-1)?.at ?? 0;
  const spanMs = LATE_SPANS_MS[source.below(LATE_SPANS_MS.length)] ?? 0;
  return campaign(source, source.below(MOST_LATE + 1), partitions)
    .map((record) => ({ at: first + source.unit() * spanMs, record }))
    .sort((a, b) => a.at - b.at);
}
