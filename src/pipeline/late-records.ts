import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Decoded, Decoder } from '../feedback/decode';
import type { Feedback, Millis } from '../feedback/feedback';
import type { LogRecord, Positions } from '../log/source';
import type { Retirement } from '../store/retired';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { retiredAmong } from './retention';
import type { TimerIndex } from './timer-index';

/*
 * Feedback on a delivery that is retired is late: it is set aside, never folded, because what there was before it is gone.
 * Whether a delivery is retired its kpi task knows. That is asked once in a while for each delivery, not for each record.
 */

export interface LateRecordDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'stateId' | 'partitions' | 'hasPredecessor' | 'catchUpOffsets'>;
  readonly store: Pick<Store, 'load'>;
  readonly clock: Clock;
  /** A delivery that is retired has nothing left to wait for. */
  readonly timerIndex: Pick<TimerIndex, 'delete'>;
  readonly retiredKnownUntil: RetiredKnown;
}

/** Until when it is believed that a delivery is not retired. */
export type RetiredKnown = Map<DeliveryId, Millis>;

/** How long an answer holds. Kpi tasks keep what they know of a delivery for longer after they have retired it. */
const BELIEVED_MS = 600_000;
/** Deliveries whose answer is remembered; of more, the one that was asked for first is asked for again. */
const DELIVERIES_BELIEVED = 10_000;

/** A decoder that sets late feedback aside. `decode` is the one that it asks what records say. */
export function lateDecoder(decode: Decoder<Feedback>, deps: LateRecordDeps): Decoder<Feedback> {
  const { retiredKnownUntil } = deps;
  return async (records) => {
    const decoded = await decode(records);
    const doubtful = doubtfulIn(decoded.inputs, retiredKnownUntil, deps.clock.now());
    if (doubtful.size === 0) return decoded;
    const retired = await retiredAmong(deps.store, deps.manifest, doubtful);
    const until = deps.clock.now() + BELIEVED_MS;
    for (const id of doubtful) if (!retired.has(id)) believe(retiredKnownUntil, id, until);
    for (const id of retired.keys()) deps.timerIndex.delete(id);
    return retired.size === 0 ? decoded : withoutLate(decode, records, retired, deps);
  };
}

/** The deliveries of which it is not known, or no longer, that they are not retired. */
function doubtfulIn(
  inputs: readonly Feedback[],
  retiredKnownUntil: ReadonlyMap<DeliveryId, Millis>,
  now: Millis,
): ReadonlySet<DeliveryId> {
  const doubtful = new Set<DeliveryId>();
  let last: DeliveryId | null = null;
  for (const { deliveryId } of inputs) {
    if (deliveryId === last) continue;
    last = deliveryId;
    if ((retiredKnownUntil.get(deliveryId) ?? 0) <= now) doubtful.add(deliveryId);
  }
  return doubtful;
}

function believe(retiredKnownUntil: RetiredKnown, id: DeliveryId, until: Millis): void {
  retiredKnownUntil.delete(id);
  retiredKnownUntil.set(id, until);
  if (retiredKnownUntil.size <= DELIVERIES_BELIEVED) return;
  const [first] = retiredKnownUntil.keys();
  if (first !== undefined) retiredKnownUntil.delete(first);
}

/** The rare batch that has late feedback in it, decoded again record by record: a value does not know its record. */
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
      else if (!isHistory(record, catchUpOffsets, as)) rejected.push(late(record, as));
    }
  }
  return { inputs, rejected };
}

/**
 * Whether an earlier life has counted this record, before it retired the delivery: a generation that succeeds that life
 * reads it again on its way, and passes it by. Of what came between that count and the announcement it may have read
 * nothing, and said nothing: that is late.
 */
function isHistory(record: LogRecord, catchUpOffsets: Positions, { asOf }: Retirement): boolean {
  return record.offset < (catchUpOffsets[record.topic] ?? 0) && record.timestamp < asOf;
}

function late(record: LogRecord, { at }: Retirement): Decoded<Feedback>['rejected'][number] {
  const detail = `the delivery is retired since ${new Date(at).toISOString()}`;
  return { record, reason: 'retired-delivery', detail };
}
