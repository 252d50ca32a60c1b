import {
  ensureGeneration,
  type StateSettings,
  type GenerationDeps,
  refuseMismatches,
} from '../../src/generations/generation';
import { memoryStore } from '../../src/store/store.memory';

const STATE_SETTINGS: StateSettings = {
  partitions: 2,
  defaultPolicy: 'EFS',
  domainGroups: 'none',
  buckets: 1,
};

/**
 * A log with five records in each input, from offset 2, these generations published, one a delivery, and markers of
 * these deliveries and names, in turn in both partitions.
 */
function given(
  published: readonly number[] = [],
  stateSettings: Partial<StateSettings> = {},
  retired: readonly string[] = [],
  names: readonly number[] = [],
) {
  const generations = memoryStore();
  const taken: number[] = [];
  const pauses = { count: 0 };
  const deps: GenerationDeps = {
    generations,
    stateSettings: { ...STATE_SETTINGS, ...stateSettings },
    lost: null,
    inputWatermarks: async () => Array.from({ length: 5 }, () => ({ low: 2, high: 7 })),
    contributionWatermarks: async () => ({ low: 0, high: 30 }),
    reader: {
      read: async (topic, partition, onRecord) => {
        const records =
          topic === 'kpis'
            ? published.map((number, index) => [`d${index}`, String(number)])
            : [...retired.map((id) => [`${id}/retired`, '77']), ...names.map((name) => [`/${name}~x`, ''])];
        records.forEach((record, index) => {
          const [key, value] = record.map((text) => Buffer.from(text)) as [Buffer, Buffer];
          const place = { topic: 0, partition, offset: index, timestamp: 0 };
          if (index % 2 === partition) onRecord({ ...place, key, value, headerCount: 0, headers: () => [] });
        });
      },
    },
    kpiTopic: 'kpis',
    generationOf: (value) => Number(value.toString()),
    contributionsTopic: 'contributions',
    allocateGeneration: async (name) => !taken.includes(name) && taken.push(name) > 0,
    pause: async () => void (pauses.count += 1),
    retirementIn: (value) => ({ at: Number(value.toString()), asOf: 76 }),
  };
  return { generations, deps, taken, pauses };
}

describe('the generation to work on', () => {
  it('is the first one where nothing was ever stored or published: it reads everything, and is not muted', async () => {
    const { generations, deps } = given();
    const { manifest, created } = await ensureGeneration(deps);
    expect(created).toBe(true);
    expect(manifest).toEqual({
      ...STATE_SETTINGS,
      stateId: 1,
      generation: 1,
      predecessor: null,
      cutoverComplete: true,
      hasPredecessor: false,
      catchUpOffsets: [
        [7, 7, 7, 7, 7],
        [7, 7, 7, 7, 7],
      ],
    });
    const status = await generations.inspect({ stateId: 1, pipeline: 'status', partition: 1 });
    const kpi = await generations.inspect({ stateId: 1, pipeline: 'kpi', partition: 1 });
    expect([status?.positions, kpi?.positions]).toEqual([[2, 2, 2, 2, 2], [30]]);
    const flags = { hash: 'f', fields: [Buffer.from('muted')] };
    expect(await generations.load({ stateId: 1, pipeline: 'kpi', partition: 1 }, [flags])).toEqual([[null]]);
  });

  it('is the active one where there is one, untouched', async () => {
    const { deps } = given();
    const first = await ensureGeneration(deps);
    const again = await ensureGeneration({
      ...deps,
      inputWatermarks: () => Promise.reject(new Error('asked')),
    });
    expect(again).toEqual({ manifest: first.manifest, created: false });
  });

  it('succeeds the latest life that published: muted, and knowing what that one said last', async () => {
    const { generations, deps } = given([4, 7, 5]);
    const { manifest } = await ensureGeneration(deps);
    expect(manifest).toMatchObject({ generation: 8, hasPredecessor: true });
    const reads = [
      { hash: 'f', fields: [Buffer.from('muted')] },
      { hash: 'p', fields: ['d0', 'd1', 'd2'].map((id) => Buffer.from(id)) },
    ];
    const kpi = (partition: number) =>
      generations
        .load({ stateId: 8, pipeline: 'kpi', partition }, reads)
        .then((loaded) => loaded.map((values) => values.map((value) => value?.toString() ?? null)));
    expect(await kpi(0)).toEqual([['1'], ['4', null, '5']]);
    expect(await kpi(1)).toEqual([['1'], [null, '7', null]]);
  });

  it('knows what that life had retired, and nothing else of it', async () => {
    const { generations, deps } = given([4, 7, 5], {}, ['d0', 'd9']);
    await ensureGeneration(deps);
    const reads = [
      { hash: 'r', fields: ['d0', 'd9'].map((id) => Buffer.from(id)) },
      { hash: 'p', fields: ['d0', 'd1', 'd2'].map((id) => Buffer.from(id)) },
    ];
    const kpi = (partition: number) =>
      generations
        .load({ stateId: 8, pipeline: 'kpi', partition }, reads)
        .then((loaded) => loaded.map((values) => values.map((value) => value?.toString() ?? null)));
    expect(await kpi(0)).toEqual([
      ['77/76', null],
      [null, null, '5'],
    ]);
    expect(await kpi(1)).toEqual([
      [null, '77/76'],
      [null, '7', null],
    ]);
  });

  it.each([
    ['above what was published', [3], 9, 10],
    ['above what was lost', [9], 3, 10],
    ['also where nothing was published yet', [], 1, 2],
  ])('comes after a lost one, muted, %s', async (_, published, after, expected) => {
    const { deps } = given(published);
    const { manifest } = await ensureGeneration({ ...deps, lost: { stateId: after, generation: after } });
    expect(manifest).toMatchObject({ generation: expected, hasPredecessor: true });
  });

  it('takes its name in the log before it is made, and none that was ever taken', async () => {
    const { generations, deps, taken } = given([], {}, [], [4, 2]);
    const { manifest } = await ensureGeneration({
      ...deps,
      allocateGeneration: async (name) => {
        expect(await generations.active()).toBeNull();
        return deps.allocateGeneration(name);
      },
    });
    expect(manifest).toMatchObject({ stateId: 5, generation: 5, hasPredecessor: true });
    expect(taken).toEqual([5]);
  });

  it('is the one that is being made by whoever has just taken its name', async () => {
    const { generations, deps, taken } = given([], {}, [], [1]);
    const made = {
      ...STATE_SETTINGS,
      ...{ stateId: 1, generation: 1, predecessor: null, cutoverComplete: true },
    };
    const first = { ...made, hasPredecessor: false, catchUpOffsets: [] };
    const pause = async (): Promise<void> => {
      await generations.create(first, { status: [[0], [0]], kpi: [[0], [0]] }, []);
    };
    expect(await ensureGeneration({ ...deps, pause })).toEqual({ manifest: first, created: false });
    expect(taken).toEqual([]);
  });

  it('is not waited for more than once where whoever took its name is gone', async () => {
    const { deps, taken, pauses } = given([], {}, [], [1]);
    expect((await ensureGeneration(deps)).manifest).toMatchObject({ generation: 2, hasPredecessor: true });
    expect([taken, pauses.count]).toEqual([[2], 1]);
  });

  it('is another than the lost one though that is still on the list', async () => {
    const { deps } = given();
    await ensureGeneration(deps);
    const { manifest, created } = await ensureGeneration({
      ...deps,
      lost: { stateId: 1, generation: 1 },
    });
    expect([manifest.stateId, created]).toEqual([2, true]);
  });

  it('is the one that another worker has made meanwhile', async () => {
    const { deps } = given();
    const [one, other] = await Promise.all([ensureGeneration(deps), ensureGeneration(deps)]);
    expect(one.manifest).toEqual(other.manifest);
    expect([one.created, other.created].sort()).toEqual([false, true]);
  });

  it('is the one that was made while the log was read, and no name is spent on another', async () => {
    const { deps, taken } = given();
    const contributionWatermarks = async (partition: number) => {
      if (taken.length === 0) await ensureGeneration(deps);
      return deps.contributionWatermarks(partition);
    };
    const { manifest, created } = await ensureGeneration({ ...deps, contributionWatermarks });
    expect([manifest.stateId, created]).toEqual([1, false]);
    expect(taken).toEqual([1]);
  });

  it.each<[keyof StateSettings, Partial<StateSettings>]>([
    ['partitions', { partitions: 3 }],
    ['defaultPolicy', { defaultPolicy: 'RELAY' }],
    ['domainGroups', { domainGroups: 'x=y.z' }],
    ['buckets', { buckets: 16 }],
  ])('is refused where it was built with another setting: %s', async (name, other) => {
    const { deps } = given();
    const { manifest } = await ensureGeneration(deps);
    const unfit = (): void => refuseMismatches(manifest, { ...STATE_SETTINGS, ...other });
    expect(unfit).toThrow(expect.objectContaining({ code: 'generation-unfit' }));
    expect(unfit).toThrow(`${name} was ${STATE_SETTINGS[name]} and is now ${other[name]}`);
  });
});
