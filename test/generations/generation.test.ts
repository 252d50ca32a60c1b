import {
  ensureGeneration,
  type StateSettings,
  type GenerationDeps,
  refuseMismatches,
} from '../../src/generations/generation';
import type { GenerationRef } from '../../src/store/store';
import { hasPredecessor } from '../../src/pipeline/publishing';
import { memoryStore } from '../../src/store/store.memory';
import { commitOf } from '../store/given';

const STATE_SETTINGS: StateSettings = {
  partitions: 2,
  defaultPolicy: 'EFS',
  domainGroups: 'none',
  buckets: 1,
};

/** Null where the bytes are no number, as those of a stranger. */
const numberIn = (value: Buffer): number | null => (/^\d+$/.test(String(value)) ? Number(value) : null);

/**
 * A log with five records in each input, from offset 2, a published record per generation number and delivery (or one of
 * a stranger), and markers of allocated state ids, alternating between both partitions.
 */
function given(
  published: readonly (number | 'strange')[] = [],
  stateSettings: Partial<StateSettings> = {},
  allocated: readonly number[] = [],
) {
  const store = memoryStore();
  const allocations: number[] = [];
  const pauses = { count: 0 };
  const passedOver: string[] = [];
  const deps: GenerationDeps = {
    store,
    inputWatermarks: async () => Array.from({ length: 5 }, () => ({ low: 2, high: 7 })),
    contributionWatermarks: async () => ({ low: 0, high: 30 }),
    positionedTopics: ['in', 'contributions'],
    reader: {
      topicIds: async (topics) => topics.map((topic) => `${topic}#1`),
      read: async (topic, partition, onRecord) => {
        const records =
          topic === 'kpis'
            ? published.map((number, index) => [`d${index}`, String(number)])
            : allocated.map((id) => [`/${id}~x`, '']);
        records.forEach((record, index) => {
          const [key, value] = record.map((text) => Buffer.from(text)) as [Buffer, Buffer];
          const place = { topic: 0, partition, offset: index, timestamp: 0 };
          if (index % 2 === partition) onRecord({ ...place, key, value, headerCount: 0, headers: () => [] });
        });
      },
    },
    kpiTopic: 'kpis',
    generationOf: (value) => numberIn(value),
    strangers: {
      passedOver: (topic, { partition, offset }) => passedOver.push(`${topic}/${partition}@${offset}`),
    },
    contributionsTopic: 'contributions',
    allocateStateId: async (id) => !allocations.includes(id) && allocations.push(id) > 0,
    pause: async () => void (pauses.count += 1),
  };
  const open = (changed: Partial<GenerationDeps> = {}, lost: GenerationRef | null = null) =>
    ensureGeneration({ ...deps, ...changed }, { ...STATE_SETTINGS, ...stateSettings }, lost);
  return { store, deps, open, allocations, pauses, passedOver };
}

describe('the opened generation', () => {
  it('is a first one where nothing was stored or published: it reads every record and has no predecessor', async () => {
    const { store, open } = given();
    const { manifest, created } = await open();
    expect(created).toBe(true);
    expect(manifest).toEqual({
      ...STATE_SETTINGS,
      stateId: 1,
      generation: 1,
      predecessor: null,
      topicIds: { in: 'in#1', contributions: 'contributions#1' },
      contributionsFrom: [],
    });
    expect(hasPredecessor(manifest)).toBe(false);
    const status = await store.inspect({ stateId: 1, pipeline: 'status', partition: 1 });
    const kpi = await store.inspect({ stateId: 1, pipeline: 'kpi', partition: 1 });
    expect([status?.positions, kpi?.positions]).toEqual([[2, 2, 2, 2, 2], [30]]);
  });

  it('is the active one where there is one, unchanged', async () => {
    const { open } = given();
    const first = await open();
    const again = await open({ inputWatermarks: () => Promise.reject(new Error('asked')) });
    expect(again).toEqual({ manifest: first.manifest, created: false });
  });

  it('has a predecessor where records were published: its number is higher than all that they carry', async () => {
    const { store, open } = given([4, 7, 5]);
    const { manifest } = await open();
    expect(manifest).toMatchObject({ stateId: 8, generation: 8, predecessor: null });
    expect(hasPredecessor(manifest)).toBe(true);
    for (const hash of ['f', 'p', 's'])
      expect(await store.scan({ stateId: 8, pipeline: 'kpi', partition: 0 }, hash, '0')).toEqual({
        cursor: '0',
        entries: [],
      });
  });

  it('passes over published records that a stranger has written', async () => {
    const { open, passedOver } = given([4, 'strange', 'strange']);
    expect((await open()).manifest).toMatchObject({ generation: 5 });
    expect(passedOver).toEqual(['kpis/0@2', 'kpis/1@1']);
  });

  it.each([
    ['above the lost one', [3], 9, 10],
    ['above the published one', [9], 3, 10],
    ['also where nothing was published', [], 1, 2],
  ])('has a lost predecessor and a higher number, %s', async (_, published, lost, expected) => {
    const { open } = given(published);
    const { manifest } = await open({}, { stateId: lost, generation: lost });
    expect(manifest).toMatchObject({ generation: expected });
  });

  it('has a state id that is allocated in the log before its creation, and was never allocated before', async () => {
    const { store, deps, open, allocations } = given([], {}, [4, 2]);
    const { manifest } = await open({
      allocateStateId: async (id) => {
        expect(await store.active()).toBeNull();
        return deps.allocateStateId(id);
      },
    });
    expect(manifest).toMatchObject({ stateId: 5, generation: 5 });
    expect(allocations).toEqual([5]);
  });

  it('is the one that another process has allocated and creates meanwhile', async () => {
    const { store, open, allocations } = given([], {}, [1]);
    const first = {
      ...STATE_SETTINGS,
      ...{ stateId: 1, generation: 1, predecessor: null },
      contributionsFrom: [],
    };
    const pause = async (): Promise<void> => {
      await store.create(first, { status: [[0], [0]], kpi: [[0], [0]] });
    };
    expect(await open({ pause })).toEqual({ manifest: first, created: false });
    expect(allocations).toEqual([]);
  });

  it('is waited for once where the process that allocated it is gone', async () => {
    const { open, allocations, pauses } = given([], {}, [1]);
    expect((await open()).manifest).toMatchObject({ generation: 2 });
    expect([allocations, pauses.count]).toEqual([[2], 1]);
  });

  it('begins once no task of the lost one can commit any more, which may be left in part', async () => {
    const { store, open } = given();
    await open();
    const tasks = (['status', 'kpi'] as const).map((pipeline) => ({ stateId: 1, pipeline, partition: 1 }));
    const claims = await Promise.all(tasks.map((task) => store.claim(task, 1)));
    const committed: string[] = [];
    const allocateStateId = async (id: number): Promise<boolean> => {
      for (const [index, task] of tasks.entries())
        committed.push(
          await store.commit(task, commitOf(claims[index]!, { next: claims[index]!.positions })),
        );
      return id === 2;
    };
    expect((await open({ allocateStateId }, { stateId: 1, generation: 1 })).manifest.stateId).toBe(2);
    expect(committed).toEqual(['fenced', 'fenced']);
  });

  it('is not the lost one, though that is still listed', async () => {
    const { open } = given();
    await open();
    const { manifest, created } = await open({}, { stateId: 1, generation: 1 });
    expect([manifest.stateId, created]).toEqual([2, true]);
  });

  it('is the same for two workers that open it at once', async () => {
    const { open } = given();
    const [one, other] = await Promise.all([open(), open()]);
    expect(one.manifest).toEqual(other.manifest);
    expect([one.created, other.created].sort()).toEqual([false, true]);
  });

  it('is the one that was created during the scan of the log, and no other state id is allocated', async () => {
    const { deps, open, allocations } = given();
    const contributionWatermarks = async (partition: number) => {
      if (allocations.length === 0) await open();
      return deps.contributionWatermarks(partition);
    };
    const { manifest, created } = await open({ contributionWatermarks });
    expect([manifest.stateId, created]).toEqual([1, false]);
    expect(allocations).toEqual([1]);
  });

  it.each<[Partial<StateSettings>, string]>([
    [{ partitions: 3 }, 'partitions was 2 and is now 3'],
    [{ defaultPolicy: 'RELAY' }, 'EFS_POLICY was efs and is now relay'],
    [{ domainGroups: 'x=y.z' }, 'EFS_DOMAIN_GROUPS was none and is now x=y.z'],
    [{ buckets: 16 }, 'EFS_BUCKETS was 1 and is now 16'],
  ])('is refused where it was built with another setting: %j', async (other, named) => {
    const { open } = given();
    const { manifest } = await open();
    const refuse = (): void => refuseMismatches(manifest, { ...STATE_SETTINGS, ...other }, false);
    expect(refuse).toThrow(expect.objectContaining({ code: 'generation-unfit' }));
    expect(refuse).toThrow(named);
  });

  it('is refused to who follows its settings only for another number of partitions, and that alone is named', async () => {
    const { open } = given();
    const { manifest } = await open();
    const others: StateSettings = {
      ...STATE_SETTINGS,
      defaultPolicy: 'RELAY',
      domainGroups: 'x=y.z',
      buckets: 16,
    };
    expect(() => refuseMismatches(manifest, others, true)).not.toThrow();
    const more = { ...others, partitions: 3 };
    expect(() => refuseMismatches(manifest, more, true)).toThrow(
      /^generation 1 does not fit: partitions was 2 and is now 3$/,
    );
  });
});
