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
const textFlag = (name: string): Flag<string> => flag(name, String, String);
const mark = (name: string): Flag<true> =>
  flag(
    name,
    () => '1',
    () => true,
  );

/** Of a kpi task: publishing is suppressed. */
export const SUPPRESSED = mark('muted');
/** Of a kpi task: the position in the contributions below which nothing is published. */
export const SUPPRESSED_UNTIL = numberFlag('until');
/** Of a kpi task: the generation number of the last cut-over for which publishing was suppressed. */
export const CUT_OVER_TO = numberFlag('cut');
/** Of a kpi task: the checkpoint as of which it has read what was published from the log (`checkpointKey`). */
export const SEEN_CHECKPOINT = textFlag('seen');
/** Of a kpi task: the barrier of a status partition has arrived, for the cut-over to this generation number. */
export const barrierArrived = (partition: number, generation: number): Flag<true> =>
  mark(`b${partition}.${generation}`);
/** Of a status task: the generation number of its last barrier that was published. */
export const BARRIER_SENT = numberFlag('sent');
/** Of a status task: the time up to which it has folded all that the log held. */
export const FOLDED_UNTIL = numberFlag('folded');

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
