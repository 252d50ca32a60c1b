import { FLAGS_HASH } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';

/** A flag of a task: a field of its hash of flags, whose value is a number, stored as text. */
export type Flag = Buffer;

const flag = (name: string): Flag => Buffer.from(name, 'latin1');

/**
 * The generation number under which the task has resumed publishing, the last time. It publishes nothing under another
 * (`isLive`). 0: under no number any more.
 */
export const LIVE_AS = flag('sent');
/** Of a kpi task: the position behind the barrier of a status partition, for the cut-over to this generation number. */
export const barrierArrived = (partition: number, generation: number): Flag =>
  flag(`b${partition}.${generation}`);
/** What builds before 0.2 kept in the place of that position; also that behind the first of all contributions. */
export const ANY_POSITION = 1;
/** Of a status task: the offset up to which it has adopted the retired deliveries of its partition. */
export const RETIRED_READ = flag('retired');

/** The entry that sets a flag. */
export const flagEntry = (of: Flag, value: number): readonly [Buffer, Buffer] => [
  of,
  Buffer.from(String(value), 'latin1'),
];

/** The values of some flags of a task, in their order; null where one is not set. */
export async function readFlags<const Flags extends readonly Flag[]>(
  store: Pick<Store, 'load'>,
  task: TaskAddress,
  ...flags: Flags
): Promise<{ -readonly [Index in keyof Flags]: number | null }> {
  const [stored = []] = await store.load(task, [{ hash: FLAGS_HASH, fields: flags }]);
  const values = flags.map((_, index) => stored[index]?.toString('latin1') ?? null);
  return values.map((text) => (text === null ? null : Number(text))) as {
    [Index in keyof Flags]: number | null;
  };
}
