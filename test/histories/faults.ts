import type { Dice } from '../../src/simulation/dice';
import { HOUR } from '../support/feedback';
import type { Order } from './operator';

export type Server = 'redis' | 'kafka' | 'registry';

/** A fault and the step before which it is injected. Times in milliseconds; a worker by its number among the live ones. */
export type Fault = { readonly at: number } &
  /** The process dies at once. Kafka notices after a while, and the worker is restarted. */
  (
    | { kind: 'kill'; worker: number; noticedMs: number; backMs: number }
    /** The process is asked to stop. */
    | { kind: 'stop'; worker: number; graceMs: number; backMs: number }
    | { kind: 'start' }
    /** The process is frozen. Where that takes long, Kafka gives its partitions to others meanwhile. */
    | { kind: 'freeze'; worker: number; forMs: number; noticedMs: number }
    /** An idle consumer joins the groups and leaves again. */
    | { kind: 'rebalance'; forMs: number }
    /** The store is rolled back to an earlier step; where `share` is below 1, only some of its tasks are. */
    | { kind: 'rollback'; since: number; share: number }
    /** The same, and soon after the store is again what it was before; several times. */
    | { kind: 'flap'; since: number; share: number; forMs: number; times: number }
    | { kind: 'wipe'; share: number }
    | { kind: 'outage'; server: Server; forMs: number }
    /** One topic's partition is not fetched for a while. */
    | { kind: 'stall'; topic: number; partition: number; forMs: number }
    /** A share of all calls is lost, late, or made twice. */
    | { kind: 'storm'; share: number; forMs: number }
    /** An operator runs a command, and kills it after a time. */
    | { kind: 'operator'; order: Order; forMs: number }
    /** Validity periods end: the calendar moves forward, no other clock does. */
    | { kind: 'hours'; forMs: number }
    /** The calendar moves by the retention, then by single hours, one every `everyMs`. */
    | { kind: 'retention'; forMs: number; hours: number; everyMs: number }
  );

export type FaultKind = Fault['kind'];

/** Kinds of faults that occur in any history. */
type Rolled = Exclude<FaultKind, 'retention'>;

const ALL_KINDS: readonly Rolled[] = [
  'kill',
  'stop',
  'start',
  'freeze',
  'rebalance',
  'rollback',
  'flap',
  'wipe',
  'outage',
  'stall',
  'storm',
  'hours',
  'operator',
  'operator',
];

interface Size {
  readonly workers: number;
  readonly partitions: number;
  readonly records: number;
}

const pick = <T>(source: Dice, ...list: readonly T[]): T => list[source.below(list.length)]!;
/** Usually short, rarely as long as `mostMs`. */
const span = (source: Dice, mostMs: number): number => Math.floor(mostMs * source.unit() ** 3);

/** Steps that the start of the service takes, and each record, about. */
const STARTING_STEPS = 60;
export const STEPS_PER_RECORD = 8;
const MOST_FAULTS = 6;
const KINDS_AT_ONCE = 3;

/** As long as the longest command takes. */
const COMMAND_TIMEOUT_MS = 60_000;

/** A few faults of a few kinds, in order, at steps from the first to somewhat after the last that records need. */
export function faultsOf(source: Dice, size: Size): Fault[] {
  const kinds = Array.from({ length: 1 + source.below(KINDS_AT_ONCE) }, () => pick(source, ...ALL_KINDS));
  const steps = STARTING_STEPS + STEPS_PER_RECORD * size.records;
  return Array.from({ length: source.below(MOST_FAULTS + 1) }, () => source.below(steps))
    .sort((a, b) => a - b)
    .map((at) => faultOf(source, pick(source, ...kinds), at, size))
    .sort((a, b) => a.at - b.at);
}

function faultOf(source: Dice, kind: Rolled, at: number, size: Size): Fault {
  const worker = source.below(size.workers);
  switch (kind) {
    case 'kill':
      return { at, kind, worker, noticedMs: span(source, 10_000), backMs: span(source, 10_000) };
    case 'stop':
      return { at, kind, worker, graceMs: pick(source, 0, 100, 5_000), backMs: span(source, 5_000) };
    case 'start':
      return { at, kind };
    case 'freeze':
      return { at, kind, worker, forMs: span(source, 30_000), noticedMs: span(source, 5_000) };
    case 'rebalance':
      return { at, kind, forMs: span(source, 5_000) };
    case 'rollback':
    case 'flap': {
      // As often a little while ago as any time before.
      const since = source.below(2) > 0 ? Math.floor(at * source.unit()) : at - span(source, at);
      const share = source.below(2) > 0 ? 1 : source.unit();
      return {
        at,
        since,
        share,
        ...(kind === 'flap' ? { kind, forMs: 1 + source.below(60), times: 1 + source.below(10) } : { kind }),
      };
    }
    case 'wipe':
      return { at, kind, share: source.below(3) > 0 ? 1 : source.unit() };
    case 'outage':
      return { at, kind, server: pick(source, 'redis', 'kafka', 'registry'), forMs: span(source, 15_000) };
    case 'stall':
      return {
        at,
        kind,
        topic: source.below(6),
        partition: source.below(size.partitions),
        forMs: span(source, 15_000),
      };
    case 'storm':
      return { at, kind, share: 0.1 + 0.6 * source.unit(), forMs: span(source, 10_000) };
    case 'operator':
      return {
        at: at + STARTING_STEPS,
        kind,
        order: orderOf(source),
        forMs: source.below(2) > 0 ? span(source, 5_000) : COMMAND_TIMEOUT_MS,
      };
    case 'hours':
      return { at, kind, forMs: pick(source, HOUR, 3 * HOUR, 85 * HOUR) };
  }
}

function orderOf(source: Dice): Order {
  const which = source.below(3);
  const policy = pick(source, 'efs', 'relay');
  return pick<Order>(
    source,
    { does: 'rebuild', policy, promotes: true },
    { does: 'rebuild', policy, promotes: true },
    { does: 'rebuild', policy, promotes: false },
    { does: 'promote', which },
    { does: 'promote', which },
    { does: 'drop', which },
  );
}
