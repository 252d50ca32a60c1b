import type { DeliveryId } from '../base/ids';
import type { Decoded, Decoder } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { LogRecord } from '../log/source';
import { CONTRIBUTIONS_HASH } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';
import type { RetiredFrom } from './retention';
import type { StatusMemory } from './status';
import { contributionOf } from './status-state';
import type { StatusRules } from './status-records';

/*
 * Feedback on a retired delivery (retention.ts) is late: it is dead-lettered, never folded, because the messages that it
 * would be folded into are gone. The delivery's contribution holds from which offsets on. Feedback below them is counted
 * already: a store that came back older and a new generation read it again, and pass it over.
 */

export interface LateRecordDeps {
  readonly address: TaskAddress;
  readonly rules: StatusRules;
  readonly store: Pick<Store, 'load'>;
  readonly memory: Pick<StatusMemory, 'open' | 'contributions'>;
}

/** By delivery: the offset from which on feedback is late, by topic index. */
type Retired = ReadonlyMap<DeliveryId, RetiredFrom>;

/** A decoder that rejects late feedback. `decode` is the decoder of the records. */
export function lateDecoder(decode: Decoder<Feedback>, deps: LateRecordDeps): Decoder<Feedback> {
  return async (records) => {
    const decoded = await decode(records);
    const unknown = unknownIn(decoded.inputs, deps.memory);
    if (unknown.size === 0) return decoded;
    const retired = await retiredAmong(deps, [...unknown]);
    return retired.size === 0 ? decoded : withoutLate(decode, records, retired);
  };
}

/** The deliveries that may be retired, as far as the task remembers. */
function unknownIn(inputs: readonly Feedback[], { open }: LateRecordDeps['memory']): ReadonlySet<DeliveryId> {
  const unknown = new Set<DeliveryId>();
  let last: DeliveryId | null = null;
  for (const { deliveryId } of inputs) {
    if (deliveryId === last) continue;
    last = deliveryId;
    if (open.get(deliveryId) === null) unknown.add(deliveryId);
  }
  return unknown;
}

/** The retired ones of these deliveries. The task remembers the others, with their contributions: the batch is about to need them. */
async function retiredAmong(
  { store, address, rules, memory }: LateRecordDeps,
  ids: readonly DeliveryId[],
): Promise<Retired> {
  const fields = ids.map((id) => Buffer.from(id, 'utf8'));
  const [values = []] = await store.load(address, [{ hash: CONTRIBUTIONS_HASH, fields }]);
  const retired = new Map<DeliveryId, RetiredFrom>();
  ids.forEach((id, index) => {
    const own = contributionOf(rules, id, values[index] ?? null);
    if (own.retiredFrom !== null) return void retired.set(id, own.retiredFrom);
    memory.open.put(id, true);
    if (memory.contributions.get(id) === null) memory.contributions.put(id, own);
  });
  return retired;
}

/** The rare batch with feedback on retired deliveries, decoded again record by record: a value does not carry its record. */
async function withoutLate(
  decode: Decoder<Feedback>,
  records: readonly LogRecord[],
  retired: Retired,
): Promise<Decoded<Feedback>> {
  const inputs: Feedback[] = [];
  const rejected: Decoded<Feedback>['rejected'][number][] = [];
  for (const record of records) {
    const decoded = await decode([record]);
    rejected.push(...decoded.rejected);
    for (const input of decoded.inputs) {
      const from = retired.get(input.deliveryId);
      if (from === undefined) inputs.push(input);
      else if (record.offset >= (from[record.topic] ?? 0)) rejected.push(late(record));
    }
  }
  return { inputs, rejected };
}

/** The late ones among records of one partition that were folded nevertheless, as rejected. */
export async function lateAmong(
  decode: Decoder<Feedback>,
  records: readonly LogRecord[],
  retired: Retired,
): Promise<Decoded<Feedback>['rejected']> {
  const { rejected } = await withoutLate(decode, records, retired);
  return rejected.filter(({ reason }) => reason === 'retired-delivery');
}

function late(record: LogRecord): Decoded<Feedback>['rejected'][number] {
  const detail =
    'no feedback on the delivery had come for the retention: it was retired, and its messages deleted';
  return { record, reason: 'retired-delivery', detail };
}
