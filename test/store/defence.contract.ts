import type { Check } from '../../src/store/store.memory';
import type { Claim } from '../../src/store/store';
import { claimed, commitOf, newNamespace, ownRead, read, task, write, type Subject } from './given';

/**
 * Shows what each check prevents, by a store that leaves it out: there the bad commit is applied, and the wrong value read. A check
 * that could be left out with every test still passing would be untested.
 */
export function describeDefences(subject: (without: readonly Check[]) => Subject): void {
  const mark = { writes: [write('c', { a: 'wrong' })] };

  /** Runs `bad` on a store with and on one without the check; returns both outcomes and what was written. */
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

  describe('each check of the store', () => {
    it('the epoch check fences a former owner after another owner has claimed the task', async () => {
      const outcomes = await compared('epoch', async (on, namespace) => {
        const store = on.store(namespace);
        const former = await claimed(store);
        await store.claim(task, 1);
        return store.commit(task, commitOf(former, mark));
      });
      expect(outcomes.with).toEqual({ outcome: 'fenced', written: null });
      expect(outcomes.without).toEqual({ outcome: 'committed', written: 'wrong' });
    });

    it('the positions check refuses a commit that expects other positions than the stored ones', async () => {
      const outcomes = await compared('positions', async (on, namespace) => {
        const store = on.store(namespace);
        const claim = await claimed(store);
        return store.commit(task, commitOf(claim, { ...mark, expected: [5, 5], next: [6, 6] }));
      });
      expect(outcomes.with).toEqual({ outcome: 'rolled-back', written: null });
      expect(outcomes.without).toEqual({ outcome: 'committed', written: 'wrong' });
    });

    it('the sequence check refuses a commit after a rolled-back one that moved no position', async () => {
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

    it('the check of reads refuses values from before the owner’s last commit, though the next commit would fit', async () => {
      const outcomes = await compared('reads', async (on, namespace) => {
        const store = on.store(namespace);
        const claim = await claimed(store);
        const older = await on.snapshot(namespace);
        const commit = commitOf(claim, mark);
        await store.commit(task, commit);
        const newer = await on.snapshot(namespace);
        await older();
        const found = await ownRead(store, commit);
        await newer();
        return String(found);
      });
      expect(outcomes.with).toEqual({ outcome: 'rolled-back', written: 'wrong' });
      expect(outcomes.without).toEqual({ outcome: 'null', written: 'wrong' });
    });
  });
}
