import type { GenerationRef } from '../store/store';

/*
 * The keys of a state's contributions and barriers carry its state id. An id is allocated once: the log holds it before the
 * state is created. A predecessor whose state was lost may still have records in flight, and its successor must not take
 * them for its own.
 */

/** The key of the barriers of a partition, and the end of the keys of its contributions. */
export function stateKey({ stateId }: Pick<GenerationRef, 'stateId'>, partition: number): Buffer {
  return Buffer.from(`/${stateId}.${partition}`, 'latin1');
}

/** The key of the record by which a process requests a state id; `token` identifies the process. */
export function allocationKey(stateId: number, token: string): Buffer {
  return Buffer.from(`/${stateId}~${token}`, 'latin1');
}

const STATE_ID = /\/(\d{1,15})(?:\.\d+|~\w+)$/;

/** The state id in the key of a record of the contributions topic; 0 where it has none. */
export function stateIdInKey(key: Buffer | null): number {
  return Number(STATE_ID.exec(key?.toString('latin1') ?? '')?.[1] ?? 0);
}
