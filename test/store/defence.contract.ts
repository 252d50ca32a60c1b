import type { Check } from '../../src/store/store.memory';
import type { Claim } from '../../src/store/store';
import { claimed, commitOf, newNamespace, read, task, write, type Subject } from './given';

/**
 * Shows what each check of a commit keeps away, by a store that leaves it out: there the bad commit is applied. A
 * check that could be left out without a trace would be a check that no test sees.
 */
export function describeDefences(subject: (without: readonly Check[]) => Subject): void {
  const mark = { writes: [write('c', { a: 'wrong' })] };

  /** Runs `bad` on the store as it is and on one without the check; gives both outcomes and what was written. */
  const compared = async (
    check: Check,
    bad: (subject: Subject, namespace: string) => Promise<string>,
  ): Promise<Record<'with' | 'without', { outcome: string; written: string | null }>> => {
    const run = async (on: Subject): Promise<{ outcome: string; written: string | null }> => {
      const namespace = newNamespace();
      const outcome = await bad(on, namespace);
      return { outcome, written: await read(on.store(namespace), 'c', 'a') };
    };
    return { with: await run(subject([])), without: await run(subject([check])) };
  };

  describe('without one of its checks', () => {
    it('lets a zombie write after its partition was claimed by another, but for the epoch', async () => {
      const outcomes = await compared('epoch', async (on, namespace) => {
        const store = on.store(namespace);
        const zombie = await claimed(store);
        await store.claim(task, 1);
        return store.commit(task, commitOf(zombie, mark));
      });
      expect(outcomes.with).toEqual({ outcome: 'fenced', written: null });
      expect(outcomes.without).toEqual({ outcome: 'committed', written: 'wrong' });
    });

    it('applies records twice to a state that went back as many commits, but for the positions', async () => {
      const outcomes = await compared('positions', async (on, namespace) => {
        const store = on.store(namespace);
        const claim = await claimed(store);
        return store.commit(task, commitOf(claim, { ...mark, expected: [5, 5], next: [6, 6] }));
      });
      expect(outcomes.with).toEqual({ outcome: 'rolled-back', written: null });
      expect(outcomes.without).toEqual({ outcome: 'committed', written: 'wrong' });
    });

    it('skips commits that moved no position, but for the sequence', async () => {
      const outcomes = await compared('sequence', async (on, namespace) => {
        const store = on.store(namespace);
        const claim = await claimed(store);
        const restore = await on.snapshot(namespace);
        const still = { next: claim.positions };
        await store.commit(task, commitOf(claim, { ...still, writes: [write('c', { b: 'kept' })] }));
        await restore();
        const second: Claim = { ...claim, sequence: 1 };
        return store.commit(task, commitOf(second, { ...still, ...mark }));
      });
      expect(outcomes.with).toEqual({ outcome: 'rolled-back', written: null });
      expect(outcomes.without).toEqual({ outcome: 'committed', written: 'wrong' });
    });
  });
}
