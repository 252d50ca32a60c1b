import { must } from '../../src/base/assert';
import { SCHEMAS } from '../../src/feedback/schemas';
import type { Positions } from '../../src/log/source';
import type { Store, TaskAddress, Write } from '../../src/store/store';

/** Writes to a task's state as an owner does that folds nothing, or up to other positions. */
export async function writeState(
  store: Pick<Store, 'claim' | 'commit'>,
  task: TaskAddress,
  writes: readonly Write[],
  nextOf: (positions: Positions) => Positions = (positions) => positions,
): Promise<void> {
  const { epoch, sequence, positions } = must(await store.claim(task, Number.MAX_SAFE_INTEGER), 'a claim');
  const outcome = await store.commit(task, {
    ...{ epoch, sequence: sequence + 1, expected: positions, next: nextOf(positions) },
    ...{ writes, outbox: null },
  });
  if (outcome !== 'committed') throw new Error(`the commit is ${outcome}`);
}

/** An id that no schema of a test has. */
const FORMER_ID = 99;

/** A record as the version before `versions` additions of fields wrote it. */
export function formerRecord(name: 'Contribution' | 'KpiChanged', versions: number, value: unknown): Buffer {
  const former = must(SCHEMAS[name].former[versions - 1], 'a former type');
  return Buffer.concat([Buffer.from([0, 0, 0, 0, FORMER_ID]), former.toBuffer(value)]);
}
