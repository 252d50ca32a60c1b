import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { BoundedCache } from '../base/bounded-cache';
import { iso, MINUTE_MS } from '../base/time';
import type { Decoded, Decoder } from '../feedback/decode';
import type { Feedback, Millis } from '../feedback/feedback';
import type { LogRecord, Positions } from '../log/source';
import type { Retirement } from '../store/retired';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { retiredAmong } from './retention';
import type { TimerIndex } from './timer-index';

/*
 * Feedback on a retired delivery is late: it is dead-lettered, never folded, because the state it would be folded into is
 * gone. The delivery's kpi task keeps whether it is retired. That is looked up periodically per delivery, not per record.
 */

export interface LateRecordDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'stateId' | 'partitions' | 'hasPredecessor' | 'catchUpOffsets'>;
  readonly store: Pick<Store, 'load'>;
  readonly clock: Clock;
  /** A retired delivery has no timers left. */
  readonly timerIndex: Pick<TimerIndex, 'delete'>;
  /** Until when a delivery is taken not to be retired, without a new look-up. */
  readonly activeUntil: BoundedCache<Millis>;
}

/** How long a look-up is cached. Kpi tasks keep the state of a delivery for longer after they have retired it. */
const CACHED_MS = 10 * MINUTE_MS;

/** A decoder that rejects late feedback. `decode` is the decoder of the records. */
export function lateDecoder(decode: Decoder<Feedback>, deps: LateRecordDeps): Decoder<Feedback> {
  const { activeUntil } = deps;
  return async (records) => {
    const decoded = await decode(records);
    const unchecked = uncheckedIn(decoded.inputs, activeUntil, deps.clock.now());
    if (unchecked.size === 0) return decoded;
    const retired = await retiredAmong(deps.store, deps.manifest, unchecked);
    const until = deps.clock.now() + CACHED_MS;
    for (const id of unchecked) if (!retired.has(id)) activeUntil.put(id, until);
    for (const id of retired.keys()) deps.timerIndex.delete(id);
    return retired.size === 0 ? decoded : withoutLate(decode, records, retired, deps);
  };
}

/** The deliveries without a cached look-up, or with one that has expired. */
function uncheckedIn(
  inputs: readonly Feedback[],
  activeUntil: BoundedCache<Millis>,
  now: Millis,
): ReadonlySet<DeliveryId> {
  const unchecked = new Set<DeliveryId>();
  let last: DeliveryId | null = null;
  for (const { deliveryId } of inputs) {
    if (deliveryId === last) continue;
    last = deliveryId;
    if ((activeUntil.get(deliveryId) ?? 0) <= now) unchecked.add(deliveryId);
  }
  return unchecked;
}

/** The rare batch with late feedback in it, decoded again record by record: a value does not carry its record. */
async function withoutLate(
  decode: Decoder<Feedback>,
  records: readonly LogRecord[],
  retired: ReadonlyMap<DeliveryId, Retirement>,
  { address, manifest }: LateRecordDeps,
): Promise<Decoded<Feedback>> {
  const catchUpOffsets = manifest.hasPredecessor ? (manifest.catchUpOffsets[address.partition] ?? []) : [];
  const inputs: Feedback[] = [];
  const rejected: Decoded<Feedback>['rejected'][number][] = [];
  for (const record of records) {
    const decoded = await decode([record]);
    rejected.push(...decoded.rejected);
    for (const input of decoded.inputs) {
      const as = retired.get(input.deliveryId);
      if (as === undefined) inputs.push(input);
      else if (!countedByPredecessor(record, catchUpOffsets, as)) rejected.push(late(record, as));
    }
  }
  return { inputs, rejected };
}

/**
 * Whether the predecessor has counted this record before it retired the delivery: its successor reads the record again
 * during catch-up and skips it. Records between that count and the retirement may have been neither counted nor
 * dead-lettered: they are late.
 */
function countedByPredecessor(record: LogRecord, catchUpOffsets: Positions, { asOf }: Retirement): boolean {
  return record.offset < (catchUpOffsets[record.topic] ?? 0) && record.timestamp < asOf;
}

function late(record: LogRecord, { at }: Retirement): Decoded<Feedback>['rejected'][number] {
  const detail = `the delivery has been retired since ${iso(at)}`;
  return { record, reason: 'retired-delivery', detail };
}
