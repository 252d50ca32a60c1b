import { promote } from '../../src/generations/cutover';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import { flagEntry, LIVE_AS } from '../../src/pipeline/flags';
import type { Snapshot } from '../../src/store/store.memory';
import { cutOverDeps, proposed } from '../support/cutover';
import { brokenLinks, differences, kpiRecords, recordsOf, statusRecords } from '../support/observe';
import { writeState } from '../support/state';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 7;

async function running(workers: number, settings: Parameters<typeof world>[0] = {}) {
  const there = await world(settings);
  const all = randomFeedback(SEED, 600);
  const processes = [];
  for (let i = 0; i < workers; i += 1) processes.push(await there.worker());
  there.produce(all.slice(0, 200));
  await there.settle();
  return { there, processes, rest: all.slice(200) };
}

describe('a cut-over', () => {
  it.each([1, 2])(
    'is followed by %i running workers, which publish no unchanged KPIs again',
    async (workers) => {
      const { there, rest } = await running(workers);
      const publishedBefore = kpiRecords(there).length;
      const { manifest, outcome } = await promote(cutOverDeps(there), await proposed(there));
      expect([outcome, manifest.stateId, manifest.generation]).toEqual(['promoted', 2, 2]);
      await there.settle();
      expect(kpiRecords(there)).toHaveLength(publishedBefore);
      there.produce(rest);
      await there.settle();
      expect(kpiRecords(there).at(-1)?.generation).toBe(2);
      expect(await differences(there)).toEqual([]);
      expect(brokenLinks(there)).toEqual([]);
    },
  );

  it('is followed under load, to the candidate and back, without false figures', async () => {
    const { there, rest } = await running(2);
    const candidate = await proposed(there);
    there.produce(rest.slice(0, 100));
    await promote(cutOverDeps(there), candidate);
    there.produce(rest.slice(100, 200));
    await there.settle();
    there.produce(rest.slice(200, 300));
    const back = await promote(cutOverDeps(there), 1);
    expect(back.manifest).toMatchObject({ stateId: 1, generation: 3, predecessor: 2 });
    there.produce(rest.slice(300));
    await there.settle();
    expect(await there.store.active()).toMatchObject({
      stateId: 1,
      generation: 3,
      contributionsFrom: expect.anything(),
    });
    expect(kpiRecords(there).at(-1)?.generation).toBe(3);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('publishes exactly the KPIs that differ, where the candidate was built with another policy', async () => {
    const { there, processes } = await running(1);
    const before = new Map(kpiRecords(there).map((each) => [each.deliveryId, each]));
    await promote(cutOverDeps(there), await proposed(there, { defaultPolicy: 'RELAY' }));
    await there.settle();
    const changed = kpiRecords(there).filter(({ generation }) => generation === 2);
    expect(changed.length).toBeGreaterThan(0);
    for (const each of changed) {
      const last = before.get(each.deliveryId)!;
      expect([each.previous, each.previousRevision]).toEqual([last.kpis, 0]);
      expect({ policy: each.policy, kpis: each.kpis }).not.toEqual({ policy: last.policy, kpis: last.kpis });
    }
    const warned = processes[0]!.log.entries.filter(({ message }) => message.includes('different settings'));
    expect(warned).toHaveLength(1);
    expect(there.store.snapshot().manifest?.defaultPolicy).toBe('RELAY');
  });

  it('republishes exactly the messages whose status differs', async () => {
    const { there } = await running(1, { messageStatus: 'on' });
    const last = new Map(statusRecords(there).map((each) => [`${each.deliveryId}/${each.messageId}`, each]));
    const publishedBefore = recordsOf(there, MESSAGE_STATUS_TOPIC).length;
    await promote(cutOverDeps(there), await proposed(there));
    await there.settle();
    expect(recordsOf(there, MESSAGE_STATUS_TOPIC)).toHaveLength(publishedBefore);
    await promote(cutOverDeps(there), await proposed(there, { defaultPolicy: 'RELAY' }));
    await there.settle();
    const republished = statusRecords(there).slice(publishedBefore);
    expect(republished.length).toBeGreaterThan(0);
    for (const each of republished) {
      const was = last.get(`${each.deliveryId}/${each.messageId}`)!;
      expect([each.generation, each.previousStatus]).toEqual([3, was.status]);
      expect(each.status).not.toBe(was.status);
    }
  });

  it('is completed by the workers where the promoting process has crashed', async () => {
    const { there, rest } = await running(2);
    const candidate = await proposed(there);
    const crashing = cutOverDeps(there);
    const stop = async (): Promise<never> => {
      throw new Error('crashed');
    };
    await expect(promote({ ...crashing, contributionWatermarks: stop }, candidate)).rejects.toThrow(
      'crashed',
    );
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: null });
    there.produce(rest);
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: expect.anything() });
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('to a generation with missing state ends with one that is rebuilt from the topics', async () => {
    const { there, rest } = await running(2);
    const candidate = await proposed(there);
    const before = (await there.store.active())!;
    const wanted = (await there.store.list()).find(({ stateId }) => stateId === candidate)!;
    await there.store.eraseTask({ stateId: candidate, pipeline: 'kpi', partition: 0 });
    await there.store.replaceActive(before, {
      ...wanted,
      generation: 2,
      predecessor: 1,
      contributionsFrom: null,
    });
    there.produce(rest);
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 3, contributionsFrom: expect.anything() });
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('is completed once, also where the promoting process completes it late', async () => {
    const { there, rest } = await running(1);
    const candidate = await proposed(there);
    let late: (() => void) | null = null;
    const deps = cutOverDeps(there);
    const slow = promote(
      {
        ...deps,
        contributionWatermarks: async (partition) => {
          if (partition === 1) await new Promise<void>((resolve) => (late = resolve));
          return deps.contributionWatermarks(partition);
        },
      },
      candidate,
    );
    await there.until(() => late !== null, 'the promoting process stalls in the cut-over');
    there.produce(rest.slice(0, 200));
    await there.settle();
    const publishedBefore = kpiRecords(there).length;
    late!();
    await slow;
    there.produce(rest.slice(200));
    await there.settle();
    expect(kpiRecords(there).length).toBeGreaterThan(publishedBefore);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('without its publish gate would publish a broken chain of figures', async () => {
    const { there, rest } = await running(1);
    const candidate = await proposed(there);
    await promote(cutOverDeps(there), candidate);
    const { store } = there;
    for (let partition = 0; partition < there.partitions; partition += 1) {
      // Every task has its flag from the beginning, and no other state is known to have published.
      for (const pipeline of ['status', 'kpi'] as const) {
        const task = { stateId: 2, pipeline, partition } as const;
        await writeState(store, task, [{ hash: 'f', entries: [flagEntry(LIVE_AS, 2)] }]);
      }
      there.log.commit('efs-kpi', CONTRIBUTIONS_TOPIC, partition, { offset: 0, metadata: '2/0' });
    }
    there.produce(rest);
    await there.settle();
    expect(brokenLinks(there)).not.toEqual([]);
  });
});

describe('a store that is restored to a state within a cut-over', () => {
  it('has the cut-over completed by running workers that had seen it complete', async () => {
    const { there, processes, rest } = await running(2);
    const candidate = await proposed(there);
    const deps = cutOverDeps(there);
    const during: Snapshot[] = [];
    const contributionWatermarks: typeof deps.contributionWatermarks = async (partition) => {
      during.push(there.store.snapshot());
      return deps.contributionWatermarks(partition);
    };
    await promote({ ...deps, contributionWatermarks }, candidate);
    there.produce(rest.slice(0, 200));
    await there.settle();
    there.store.restore(during[1]!);
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: null });
    there.produce(rest.slice(200));
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: expect.anything() });
    expect(processes[0]!.log.entries.map(({ message }) => message)).toContain(
      'cut-over to the active generation is incomplete: completing it',
    );
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });
});

describe('a store that is restored to a state before a cut-over', () => {
  it('is rebuilt as a third generation without false figures', async () => {
    const { there, processes, rest } = await running(2);
    const candidate = await proposed(there);
    const old = there.store.snapshot();
    await promote(cutOverDeps(there), candidate);
    there.produce(rest.slice(0, 200));
    await there.settle();
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
    for (const each of processes) await each.stop();
    there.store.restore(old);
    await there.worker();
    there.produce(rest.slice(200));
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 3, generation: 3 });
    expect(kpiRecords(there).at(-1)?.generation).toBe(3);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('is used as it is where nothing was published after the cut-over', async () => {
    const { there, processes, rest } = await running(2);
    const candidate = await proposed(there);
    const old = there.store.snapshot();
    await promote(cutOverDeps(there), candidate);
    await there.settle();
    for (const each of processes) await each.stop();
    there.store.restore(old);
    await there.worker();
    there.produce(rest);
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 1, generation: 1 });
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });
});

describe('a promotion', () => {
  it('of an unknown generation, or without a candidate, is refused', async () => {
    const { there } = await running(1);
    await expect(promote(cutOverDeps(there), 9)).rejects.toMatchObject({ code: 'not-found' });
    await expect(promote(cutOverDeps(there), null)).rejects.toThrow('there is no candidate');
  });

  it('of a generation with missing state is refused', async () => {
    const { there } = await running(1);
    const candidate = await proposed(there);
    await there.store.eraseTask({ stateId: candidate, pipeline: 'status', partition: 2 });
    await expect(promote(cutOverDeps(there), candidate)).rejects.toMatchObject({
      code: 'generation-incomplete',
    });
    expect(await there.store.active()).toMatchObject({ stateId: 1, contributionsFrom: expect.anything() });
  });

  it('of a generation whose positions Kafka no longer holds is refused', async () => {
    const { there } = await running(1);
    const candidate = await proposed(there);
    const { topic } = FEEDBACK_TOPICS[0];
    there.log.raiseLow(topic, 1, there.log.watermarks(topic, 1).high);
    await expect(promote(cutOverDeps(there), candidate)).rejects.toMatchObject({ code: 'position-lost' });
    expect(await there.store.active()).toMatchObject({ stateId: 1, contributionsFrom: expect.anything() });
  });

  it('of the active generation changes nothing', async () => {
    const { there } = await running(1);
    const before = await there.store.active();
    expect(await promote(cutOverDeps(there), 1)).toMatchObject({ outcome: 'active-already' });
    expect(await there.store.active()).toEqual(before);
  });
});
