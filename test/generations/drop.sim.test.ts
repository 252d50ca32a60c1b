import { dropGeneration } from '../../src/generations/drop';
import { promote } from '../../src/generations/cutover';
import { listGenerations } from '../../src/generations/listing';
import type { Generations, Store } from '../../src/store/store';
import { differences } from '../support/observe';
import { during, rebuildDeps, rebuilt } from '../support/rebuilding';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

async function twoGenerations() {
  const there = await world({ messageStatus: 'on' });
  await there.worker();
  there.produce(randomFeedback(3, 200));
  await there.settle();
  const rebuild = await rebuilt(there);
  await during(there, rebuild.stop());
  const deps = await rebuildDeps(there);
  const { contribution } = deps.pipeline.wire;
  const list = () => listGenerations({ ...deps, contribution });
  return { there, deps, list };
}

/** A store whose n-th call of a method throws, as if the process were killed there. */
function failingAt(store: Store & Generations, method: 'seal' | 'erase' | 'eraseTask', at: number) {
  let calls = 0;
  const failing = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      calls += 1;
      if (calls === at) throw new Error('killed');
      return call(...args);
    };
  };
  return { ...store, [method]: failing<never[], unknown>(store[method]) } as typeof store;
}

describe('the list of generations', () => {
  it('shows state, size and lag of each generation', async () => {
    const { there, deps, list } = await twoGenerations();
    const before = await list();
    expect(before).toMatchObject([
      { generation: 1, state: 'active', publishedAs: 1, lag: 0, readable: true },
      { generation: 2, state: 'candidate', publishedAs: null, lag: 0, readable: true },
    ]);
    expect(before[0]!.messages).toBeGreaterThan(0);
    expect([before[1]!.messages, before[1]!.deliveries]).toEqual([
      before[0]!.messages,
      before[0]!.deliveries,
    ]);
    await promote(deps, 2);
    await there.settle();
    there.produce(randomFeedback(4, 50));
    await there.settle();
    const [former, active] = await list();
    expect(former).toMatchObject({ state: 'retired', generation: 1, lag: 50 });
    expect(active).toMatchObject({ state: 'active', generation: 2, lag: 0 });
  });
});

describe('a generation that is dropped', () => {
  it('leaves no keys in the store, and the active generation unchanged', async () => {
    const { there, list } = await twoGenerations();
    expect(await dropGeneration(there.store, 2)).toBeGreaterThan(0);
    expect([...there.store.snapshot().tasks.keys()].filter((key) => key.includes('{2.'))).toEqual([]);
    expect(await list()).toMatchObject([{ generation: 1, state: 'active' }]);
    there.produce(randomFeedback(4, 50));
    await there.settle();
    expect(await differences(there)).toEqual([]);
  });

  it('is refused where it is active or unknown', async () => {
    const { there } = await twoGenerations();
    await expect(dropGeneration(there.store, 1)).rejects.toMatchObject({ code: 'generation-active' });
    await expect(dropGeneration(there.store, 7)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each<['seal' | 'erase' | 'eraseTask', number]>([
    ['seal', 1],
    ['erase', 2],
    ['eraseTask', 3],
  ])('can only be dropped again after an interruption at %s %i', async (method, at) => {
    const { there, deps, list } = await twoGenerations();
    const failing = failingAt(there.store, method, at);
    await expect(dropGeneration(failing, 2)).rejects.toThrow('killed');
    expect(await list()).toMatchObject([{ state: 'active' }, { state: 'being dropped' }]);
    const refused = { code: 'generation-dropping' };
    await expect(promote(deps, 2)).rejects.toMatchObject(refused);
    await expect(promote(deps, null)).rejects.toMatchObject(refused);
    await expect(rebuilt(there)).rejects.toMatchObject(refused);
    expect(await there.store.active()).toMatchObject({ stateId: 1 });
    await dropGeneration(there.store, 2);
    expect(await list()).toHaveLength(1);
    expect([...there.store.snapshot().tasks.keys()].filter((key) => key.includes('{2.'))).toEqual([]);
  });

  it('is not promoted by a process that read the list before the drop', async () => {
    const { there, deps } = await twoGenerations();
    const replaceActive: Generations['replaceActive'] = async (from, to) => {
      await expect(dropGeneration(failingAt(there.store, 'seal', 1), 2)).rejects.toThrow('killed');
      return there.store.replaceActive(from, to);
    };
    const late = promote({ ...deps, store: { ...there.store, replaceActive } }, 2);
    await expect(late).rejects.toMatchObject({ code: 'generation-dropping' });
    expect(await there.store.active()).toMatchObject({ stateId: 1 });
  });
});
