import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';

/*
 * The keys of a state's contributions and barriers carry its state id. An id is allocated once: the log holds it before the
 * state is created. A predecessor whose state was lost may still have records in flight, and its successor must not take
 * them for its own.
 */

/** The partition of the contributions topic in which state ids are allocated. */
export const ALLOCATION_PARTITION = 0;

/** The record by which a process requests a state id; `token` identifies the process. It contributes nothing. */
export function allocationRecord(
  stateId: number,
  token: string,
  contribution: WireType<Contribution>,
): OutgoingRecord {
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: ALLOCATION_PARTITION,
    key: Buffer.from(`/${stateId}~${token}`, 'latin1'),
    value: contribution.encode({ ...emptySum('', 0), deliveryId: null }),
  };
}

const STATE_ID = /\/(\d{1,15})(?:\.\d+|~\w+)$/;

/** The state id in the key of a record of the contributions topic; 0 where it has none. */
export function stateIdInKey(key: Buffer | null): number {
  return Number(STATE_ID.exec(key?.toString('latin1') ?? '')?.[1] ?? 0);
}
