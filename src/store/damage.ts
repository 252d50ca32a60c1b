import { EfsError } from '../base/errors';
import { keyEnd } from './keys';
import type { TaskAddress } from './store';

/** The failure of a task whose stored state cannot be what the service has written. */
export function damaged(task: TaskAddress, hash: string, what: string, cause?: unknown): EfsError {
  return new EfsError('state-damaged', `Redis key …:${keyEnd(task, hash)}: ${what}`, { cause });
}

/** A value of a hash of the state, by its decoder. Throws `state-damaged`, with the key, where the decoder refuses it. */
export function readStored<T>(
  task: TaskAddress,
  hash: string,
  bytes: Buffer,
  decode: (bytes: Buffer) => T | null,
): T {
  let value: T | null;
  try {
    value = decode(bytes);
  } catch (error) {
    throw damaged(task, hash, error instanceof Error ? error.message : String(error), error);
  }
  if (value === null) throw damaged(task, hash, 'it holds a value that is no record of its schema');
  return value;
}
