import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { IndexEntry } from '../feedback/ingest-index';
import type { NativeIndex } from './native-index';
import type { Indexing, Taken } from './source';
import type { Writer } from './writer';

/** How long events wait for an entry that they have overtaken. */
export interface IndexPatience {
  readonly clock: Clock;
  /**
   * An event waits until so long after it occurred, or after `startedAt` where that was later. So what is read falls behind by no
   * more than this, however many events wait in vain, and events of long ago do not wait.
   */
  readonly waitMs: number;
  readonly startedAt: number;
  /** Beside that, events wait so long at most. */
  readonly withinMs: number;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

const LOOK_AGAIN_MS = 25;
const LOOK_AGAIN_MAX_MS = 200;

/** What the index has for those who ask; it is waited for. Throws `kafka-unavailable` where the wait is ended by the signal. */
async function entriesFor(
  asking: readonly Indexing[],
  index: NativeIndex,
  { clock, waitMs, startedAt, withinMs, signal }: IndexPatience,
): Promise<ReadonlyMap<Indexing, IndexEntry>> {
  const began = clock.now();
  const deadlineOf = ({ at }: Indexing): number =>
    Math.min(Math.min(Math.max(at, startedAt), began) + waitMs, began + withinMs);
  const found = new Map<Indexing, IndexEntry>();
  let missing = asking;
  for (let pause = LOOK_AGAIN_MS; ; pause = Math.min(2 * pause, LOOK_AGAIN_MAX_MS)) {
    const now = clock.now();
    missing = missing.filter((each) => {
      const entry = index.find(each.keys, each.at);
      if (entry !== null) found.set(each, entry);
      return entry === null && deadlineOf(each) > now;
    });
    if (missing.length === 0) return found;
    await clock.sleep(pause, signal);
    if (signal.aborted) throw new EfsError('kafka-unavailable', 'stopped while events wait for the index');
  }
}

const asks = ({ indexing }: Taken): boolean => indexing?.known === null;

/** What becomes of events that ask the index. */
export async function answersOf(
  taken: readonly Taken[],
  index: NativeIndex,
  patience: IndexPatience,
): Promise<readonly Taken[]> {
  const asking = taken.flatMap(({ indexing }) => (indexing?.known === null ? [indexing] : []));
  if (asking.length === 0) return taken;
  const entries = await entriesFor(asking, index, patience);
  return taken.map((each) => {
    const { indexing } = each;
    if (indexing?.known !== null) return each;
    return { ...each, mapped: indexing.answered(entries.get(indexing) ?? null) };
  });
}

/**
 * A writer that first lets the index know the messages of events that have ids of their own. Events without are written when the
 * index has answered, or the patience has ended.
 */
export function indexedWriter(write: Writer, index: NativeIndex, patience: IndexPatience): Writer {
  return async (source, taken) => {
    const known = taken.flatMap(({ indexing }) =>
      indexing === undefined || indexing.known === null
        ? []
        : [{ keys: indexing.keys, entry: indexing.known }],
    );
    if (known.length > 0) await index.put(known);
    if (!taken.some(asks)) return write(source, taken);
    const ready = taken.filter((each) => !asks(each));
    await write(source, ready);
    const answers = await answersOf(taken.filter(asks), index, patience);
    await write(source, answers);
    const inOrder = answers.values();
    return taken.map((each) => (asks(each) ? (inOrder.next().value ?? each) : each));
  };
}
