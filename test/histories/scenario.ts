import { type Dice, dice, weighted } from '../../src/simulation/dice';
import { HOUR } from '../support/feedback';
import type { Produced } from '../support/records';
import { campaign } from './campaign';
import { type Fault, faultsOf } from './faults';

export type Policy = 'efs' | 'relay';

/** All that is decided before a history begins. A seed has one scenario, and a scenario with its seed one history. */
export interface Scenario {
  readonly seed: number;
  readonly partitions: number;
  readonly workers: number;
  readonly settings: {
    readonly policy: Policy;
    readonly messageStatus: 'on' | 'off';
    readonly lingerMs: number;
    readonly batchMax: number;
    /** How long after its validity period a message expires without feedback; null where none expires. */
    readonly expiryGraceMs: number | null;
    /** How long a delivery is kept after its last feedback; null where retention is off. */
    readonly retentionMs: number | null;
  };
  /** How long after the first feedback occurred the history begins, in milliseconds of the calendar. */
  readonly ageMs: number;
  readonly network: Network;
  readonly arrivals: readonly Arrival[];
  /** In the order of the steps before which they are injected. */
  readonly faults: readonly Fault[];
}

/** A record that a producer appends, in milliseconds since the history began. */
export interface Arrival {
  readonly at: number;
  readonly record: Produced;
}

/** The network's permanent properties; storms and outages come on top. */
export interface Network {
  /** Most calls take up to so long each way, in milliseconds. */
  readonly latencyMs: number;
  /** Share of calls that take far longer. */
  readonly slow: number;
  /** Share of calls that are lost, unanswered, late, or made twice. */
  readonly loss: number;
  /** Each fetch of a topic takes up to so long, in milliseconds. */
  readonly fetchMs: number;
  /** Whether workers have read every schema before, or ask the registry for each. */
  readonly knowsSchemas: boolean;
}

/** The random streams of a seed: a draw from one of them changes nothing about the others. */
export const STREAMS = { scenario: 1, network: 2, jitter: 3, retention: 4 } as const;

const pick = <T>(source: Dice, ...values: readonly T[]): T => values[source.below(values.length)]!;

const SPANS_MS = [0, 300, 2_000, 8_000];
const records = weighted<number>([
  [8, 30],
  [20, 40],
  [40, 20],
  [60, 10],
]);

export function scenarioOf(seed: number): Scenario {
  const source = dice(seed, STREAMS.scenario);
  const partitions = pick(source, 1, 1, 2, 2, 3);
  const workers = 1 + source.below(3);
  const settings = {
    policy: pick(source, 'efs', 'relay'),
    messageStatus: pick(source, 'off', 'on'),
    lingerMs: pick(source, 0, 20, 100),
    batchMax: pick(source, 1, 2, 3, 10, 50),
    expiryGraceMs: pick(source, null, 0, HOUR),
    retentionMs: null,
  } as const;
  const ageMs = pick(source, 0, 2 * HOUR, 90 * HOUR);
  const network: Network = {
    latencyMs: pick(source, 1, 5, 30),
    slow: pick(source, 0, 0.02, 0.1),
    loss: pick(source, 0, 0, 0.02, 0.1),
    fetchMs: pick(source, 1, 50, 1_000),
    knowsSchemas: source.below(10) > 0,
  };
  const arrivals = arrivalsOf(source, campaign(source, 5 + source.below(records(source)), partitions));
  const faults = faultsOf(source, { workers, partitions, records: arrivals.length });
  return { seed, partitions, workers, settings, ageMs, network, arrivals, faults };
}

/** Records arrive alone or in small bursts. */
function arrivalsOf(source: Dice, produced: readonly Produced[]): Arrival[] {
  const spanMs = pick(source, ...SPANS_MS);
  const burst = pick(source, 1, 4, 100);
  let at = 0;
  return produced.map((record) => {
    if (source.below(burst) === 0) at += (2 * burst * source.unit() * spanMs) / produced.length;
    return { at, record };
  });
}
