import type { DeliveryId } from '../../src/base/ids';
import type { Projected } from '../../src/pipeline';
import { evictions, loadEvicting } from '../../src/pipeline/eviction';
import { EVICTING_HASH } from '../../src/store/hashes';
import type { Write } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { commitOf, manifestOf, start, task } from '../store/given';
import { virtualClock } from '../support/clock';

const BUCKETS = 2;

/** A status task with so many messages of each delivery in each of its hashes. */
async function given(messages: Record<string, number>, retired: readonly string[]) {
  const store = memoryStore();
  await store.create({ ...manifestOf(1), buckets: BUCKETS }, start);
  let claim = (await store.claim(task, 1))!;
  const commit = async (writes: readonly Write[]): Promise<void> => {
    const next = commitOf(claim, { writes });
    expect(await store.commit(task, next)).toBe('committed');
    claim = { ...claim, sequence: next.sequence, positions: next.next };
  };
  const entries = (count: number) =>
    Array.from({ length: count }, (_, index) => [Buffer.from(`m${index}`), Buffer.from('x')] as const);
  await commit(
    Object.entries(messages).flatMap(([id, count]) =>
      [0, 1].map((bucket) => ({ hash: `m/${id}/${bucket}`, entries: entries(count) })),
    ),
  );
  await commit([
    { hash: EVICTING_HASH, entries: retired.map((id) => [Buffer.from(id), Buffer.alloc(0)] as const) },
  ]);
  const owner = () => {
    const evicting = new Set<DeliveryId>();
    const deps = { address: task, manifest: { buckets: BUCKETS }, store, clock: virtualClock(), evicting };
    const evict = evictions(deps);
    /** Commits what is evicted after one commit, or the first of it. */
    const tick = async (most = Infinity): Promise<Projected[]> => {
      const done: Projected[] = [];
      for await (const effects of evict()) {
        if (done.length >= most) break;
        await commit(effects.writes);
        done.push(effects);
      }
      return done;
    };
    return { evicting, tick, load: () => loadEvicting(deps) };
  };
  const left = (): string[] =>
    [...store.snapshot().tasks.values()].flatMap(({ hashes }) => [...hashes.keys()]).sort();
  return { owner, left };
}

describe('a status task', () => {
  it('deletes the messages of the deliveries that are still to be evicted, and no others', async () => {
    const { owner, left } = await given({ old: 3, young: 3, older: 1 }, ['old', 'older']);
    const { evicting, tick, load } = owner();
    await load();
    expect([...evicting].sort()).toEqual(['old', 'older']);
    const done = await tick();
    expect(done.every(({ outgoing }) => outgoing.length === 0)).toBe(true);
    expect(left()).toEqual(['m/young/0', 'm/young/1']);
    expect(evicting.size).toBe(0);
    expect(await tick()).toEqual([]);
  });

  it('deletes at most a page of messages per commit, and stops where more would delay the next batch', async () => {
    const { owner, left } = await given({ old: 4_500 }, ['old']);
    const { tick, load } = owner();
    await load();
    const sizes = (done: Projected[]) =>
      done.map(({ writes }) => writes.flatMap((w) => [...w.entries]).length);
    expect(sizes(await tick())).toEqual([1_000, 1_000, 1_000, 1_000, 500, 1_000]);
    expect(left()).toEqual(['m/old/1', EVICTING_HASH].sort());
    expect(sizes(await tick())).toEqual([1_000, 1_000, 1_000, 500, 1]);
    expect(left()).toEqual([]);
  });

  it('goes on where a former owner has stopped, whatever that had deleted', async () => {
    for (let commits = 0; commits <= 7; commits += 1) {
      const { owner, left } = await given({ old: 2_500, older: 1 }, ['old', 'older']);
      const former = owner();
      await former.load();
      await former.tick(commits);
      const next = owner();
      await next.load();
      for (const _ of [1, 2]) await next.tick();
      expect([left(), next.evicting.size]).toEqual([[], 0]);
    }
  });

  it('evicts nothing while no delivery is to be evicted', async () => {
    const { owner, left } = await given({ young: 1 }, []);
    const { tick, load } = owner();
    await load();
    expect(await tick()).toEqual([]);
    expect(left()).toEqual(['m/young/0', 'm/young/1']);
  });
});
