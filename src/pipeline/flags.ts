import { FLAGS_HASH } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';

/** A flag of a task: a field of its hash of flags, and the form in which its value is stored there. */
export interface Flag<Value> {
  readonly field: Buffer;
  encode(value: Value): Buffer;
  decode(stored: Buffer): Value;
}

function flag<Value>(
  name: string,
  show: (value: Value) => string,
  read: (text: string) => Value,
): Flag<Value> {
  return {
    field: Buffer.from(name, 'latin1'),
    encode: (value) => Buffer.from(show(value), 'latin1'),
    decode: (stored) => read(stored.toString('latin1')),
  };
}

const numberFlag = (name: string): Flag<number> => flag(name, String, Number);
const mark = (name: string): Flag<true> =>
  flag(
    name,
    () => '1',
    () => true,
  );

/**
 * The generation number under which the task has resumed publishing, the last time. It publishes nothing under another
 * (`isLive`). 0: under no number any more.
 */
export const LIVE_AS = numberFlag('sent');
/** Of a kpi task: the barrier of a status partition has arrived, for the cut-over to this generation number. */
export const barrierArrived = (partition: number, generation: number): Flag<true> =>
  mark(`b${partition}.${generation}`);
/** Of a status task: the offset up to which it has adopted the retired deliveries of its partition. */
export const RETIRED_READ = numberFlag('retired');

/** The entry that sets a flag; null unsets it. */
export function flagEntry<Value>(flag: Flag<Value>, value: Value | null): readonly [Buffer, Buffer | null] {
  return [flag.field, value === null ? null : flag.encode(value)];
}

type ValuesOf<Flags extends readonly Flag<unknown>[]> = {
  -readonly [Index in keyof Flags]: ReturnType<Flags[Index]['decode']> | null;
};

/** The values of some flags of a task, in their order; null where one is not set. */
export async function readFlags<const Flags extends readonly Flag<unknown>[]>(
  store: Pick<Store, 'load'>,
  task: TaskAddress,
  ...flags: Flags
): Promise<ValuesOf<Flags>> {
  const [stored = []] = await store.load(task, [
    { hash: FLAGS_HASH, fields: flags.map(({ field }) => field) },
  ]);
  return flags.map((each, index) => {
    const value = stored[index] ?? null;
    return value === null ? null : each.decode(value);
  }) as ValuesOf<Flags>;
}
