import type { LogRecord } from '../../src/log/source';
import type { Projected } from '../../src/pipeline';
import { ANY_POSITION, barrierArrived, flagEntry, LIVE_AS, readFlags } from '../../src/pipeline/flags';
import { checkpointOf, type PublishCheckpoint } from '../../src/pipeline/publishing';
import { type GateDeps, publishGate, SupersededGenerationError } from '../../src/pipeline/publish-gate';
import { FLAGS_HASH, PUBLISHED_HASH, SUMS_HASH } from '../../src/store/hashes';
import type { Manifest } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { commitOf, kpiTask as ADDRESS, manifestOf } from '../store/given';

const FIRST: Manifest = { ...manifestOf(1), partitions: 2 };
const SECOND: Manifest = { ...FIRST, generation: 2 };
const RECHECKED: Projected = {
  writes: [],
  outgoing: [{ topic: 'kpi', partition: 0, key: null, value: null }],
};

const recordOf = (deliveryId: string, generation: number): LogRecord => ({
  ...{ topic: 0, partition: 0, offset: 0, timestamp: 0, headerCount: 0, headers: () => [] },
  ...{ key: Buffer.from(deliveryId), value: Buffer.from([generation]) },
});

type Barrier = readonly [partition: number, generation: number, position?: number];

const arrived = ([partition, generation, position = 7]: Barrier) =>
  flagEntry(barrierArrived(partition, generation), position);

interface Given {
  readonly manifest?: Manifest;
  readonly liveAs?: number | null;
  readonly barriers?: readonly Barrier[];
  readonly checkpoint?: Partial<PublishCheckpoint> | null;
  /** Generation numbers of the records in the log, the deliveries of which are `d0`, `d1`... */
  readonly published?: readonly number[];
  /** Deliveries that the state has as published, and as sums. */
  readonly stored?: readonly string[];
}

/** A kpi task at position 7 that has just been claimed. */
async function given({ manifest = FIRST, liveAs = null, barriers = [], ...rest }: Given) {
  const { checkpoint = null, published = [], stored = [] } = rest;
  const store = memoryStore();
  await store.create(manifest, { status: [[0], [0]], kpi: [[0], [0]] });
  const former = (await store.claim(ADDRESS, manifest.generation))!;
  const entries = stored.map((id) => [Buffer.from(id), Buffer.from([9])] as const);
  const flags = [...(liveAs === null ? [] : [flagEntry(LIVE_AS, liveAs)]), ...barriers.map(arrived)];
  const writes = [
    { hash: FLAGS_HASH, entries: flags },
    { hash: PUBLISHED_HASH, entries },
    { hash: SUMS_HASH, entries },
  ];
  await store.commit(ADDRESS, commitOf(former, { writes, next: [7], outbox: Buffer.from('x') }));
  let claim = (await store.claim(ADDRESS, manifest.generation))!;
  const rechecked: string[][] = [];
  let reads = 0;
  const at = { stateId: 1, epoch: claim.committedBy, positions: [7], ...checkpoint };
  const deps: GateDeps = {
    ...{ address: ADDRESS, manifest, store },
    checkpoint: async () =>
      checkpoint === null ? null : checkpointOf(at, at, { topic: 'contributions', partition: 0 }),
    readPublished: async (onRecord) => {
      reads += 1;
      published.forEach((generation, index) => onRecord(recordOf(`d${index}`, generation)));
    },
    generationOf: (value) => value.readUInt8(0) || null,
    onStranger: () => undefined,
    recheck: async (deliveries) => {
      rechecked.push([...deliveries]);
      return RECHECKED;
    },
  };
  const gate = publishGate(deps);
  const commit = async (effects: AsyncIterable<Projected>): Promise<number> => {
    let outgoing = 0;
    for await (const each of effects) {
      const next = commitOf(claim, { writes: each.writes, next: claim.positions });
      expect(await store.commit(ADDRESS, next)).toBe('committed');
      claim = { ...claim, sequence: next.sequence };
      outgoing += each.outgoing.length;
    }
    return outgoing;
  };
  const ownership = (positions: readonly number[] = claim.positions) => ({
    ...{ ...claim, positions, emitted: Promise.resolve('acknowledged' as const) },
  });
  return {
    gate,
    rechecked,
    reads: () => reads,
    isOutboxVoid: async () => (await gate.outboxAt(claim)).isVoid,
    onClaim: () => commit(gate.onClaim(ownership(), claim)),
    afterCommit: (positions?: readonly number[]) => commit(gate.afterCommit(ownership(positions))),
    arrive: (...which: readonly Barrier[]) =>
      commit(
        (async function* () {
          yield { writes: [{ hash: FLAGS_HASH, entries: which.map(arrived) }], outgoing: [] };
        })(),
      ),
    liveAs: async () => (await readFlags(store, ADDRESS, LIVE_AS))[0],
    stored: async () =>
      (await store.scan(ADDRESS, PUBLISHED_HASH, '0')).entries.map(([field, [value]]) => [
        String(field),
        value,
      ]),
  };
}

const BARRIERS = [
  [0, 2],
  [1, 2],
] as const;

describe('a kpi task that is live', () => {
  it.each<[string, Given]>([
    ['the first generation', { published: [1] }],
    ['the first generation, level with its checkpoint', { checkpoint: {}, published: [1] }],
    ['a later generation', { manifest: SECOND, liveAs: 2, checkpoint: { positions: [6] }, published: [1] }],
  ])('publishes at once, with its outbox, and reads nothing back: %s', async (_, what) => {
    const { gate, isOutboxVoid, onClaim, reads, liveAs } = await given(what);
    expect(await isOutboxVoid()).toBe(false);
    await onClaim();
    expect([gate.suppressed(), reads(), await liveAs()]).toEqual([false, 0, what.liveAs ?? null]);
  });
});

describe('a kpi task of a state that is not what was published', () => {
  it.each<[string, Partial<PublishCheckpoint>]>([
    ['behind its checkpoint', { positions: [9] }],
    ['at the positions of another owner’s checkpoint', { epoch: 1e15 }],
    ['apart: another state has published', { stateId: 3, positions: [5] }],
  ])('drops its outbox and reads back what was published: %s', async (_, checkpoint) => {
    const { gate, isOutboxVoid, onClaim, stored, liveAs } = await given({
      ...{ checkpoint, published: [1], stored: ['d0', 'd5'] },
    });
    expect(await isOutboxVoid()).toBe(true);
    await onClaim();
    expect(await stored()).toEqual([['d0', 1]]);
    const isSuppressed = (checkpoint.positions?.[0] ?? 0) > 7;
    expect([gate.suppressed(), await liveAs()]).toEqual(isSuppressed ? [true, 0] : [false, 1]);
  });

  it('publishes again once it has reached the checkpoint, after it has compared each delivery once', async () => {
    const { gate, onClaim, afterCommit, rechecked, liveAs } = await given({
      ...{ checkpoint: { positions: [9] }, stored: ['d0', 'd1'], published: [1, 1] },
    });
    expect(await onClaim()).toBe(0);
    expect(await afterCommit([8])).toBe(0);
    expect([gate.suppressed(), rechecked]).toEqual([true, []]);
    expect(await afterCommit([9])).toBe(1);
    expect([gate.suppressed(), rechecked, await liveAs()]).toEqual([false, [['d0', 'd1']], 1]);
    expect(await afterCommit([9])).toBe(0);
  });
});

describe('a kpi task of a generation with a predecessor that is not live', () => {
  it.each<[string, Given]>([
    ['it has never been live', { manifest: SECOND }],
    ['it was live under a former number', { manifest: { ...SECOND, generation: 3 }, liveAs: 2 }],
    ['it had lost what was published', { manifest: SECOND, liveAs: 0 }],
    [
      'barriers of a former number have arrived',
      { manifest: { ...SECOND, generation: 3 }, barriers: BARRIERS },
    ],
    ['one barrier is missing', { manifest: SECOND, barriers: [[0, 2]] }],
  ])('drops its outbox, reads back what was published, and waits for the barriers: %s', async (_, what) => {
    const task = await given({ ...what, published: [1], stored: ['d0', 'd5'], checkpoint: { stateId: 9 } });
    expect(await task.isOutboxVoid()).toBe(true);
    expect(await task.onClaim()).toBe(0);
    expect(await task.stored()).toEqual([['d0', 1]]);
    expect(await task.afterCommit([99])).toBe(0);
    expect([task.gate.suppressed(), await task.liveAs()]).toEqual([true, what.liveAs ?? null]);
  });

  it('goes live under its number once the last barrier has arrived', async () => {
    const { gate, onClaim, afterCommit, arrive, rechecked, liveAs } = await given({
      ...{ manifest: SECOND, barriers: [[0, 2]], stored: ['d0'], published: [1] },
    });
    await onClaim();
    await arrive([1, 2]);
    expect(await afterCommit()).toBe(1);
    expect([gate.suppressed(), rechecked, await liveAs()]).toEqual([false, [['d0']], 2]);
  });

  it('goes live at its claim where all barriers had arrived before, against what was published by then', async () => {
    const { gate, onClaim, rechecked, stored, liveAs } = await given({
      ...{ manifest: SECOND, barriers: BARRIERS, stored: ['d0'], published: [2] },
    });
    expect(await onClaim()).toBe(1);
    expect([gate.suppressed(), rechecked, await liveAs()]).toEqual([false, [['d0']], 2]);
    expect(await stored()).toEqual([['d0', 2]]);
  });

  it.each<[string, Given]>([
    ['it has never been live', {}],
    ['it was live', { liveAs: 2 }],
  ])('is refused where another state has published beyond one of its barriers: %s', async (_, what) => {
    const { onClaim } = await given({
      ...{
        ...what,
        manifest: SECOND,
        barriers: [
          [0, 2, 6],
          [1, 2, 4],
        ],
        published: [1],
      },
      checkpoint: { stateId: 9, positions: [5] },
    });
    await expect(onClaim()).rejects.toThrow(SupersededGenerationError);
  });

  it('is refused where it folds the barrier that another state has passed after its claim', async () => {
    const { onClaim, arrive, afterCommit } = await given({
      ...{ manifest: SECOND, barriers: [[0, 2, 6]], published: [1] },
      checkpoint: { stateId: 9, positions: [5] },
    });
    await onClaim();
    await arrive([1, 2, 4]);
    await expect(afterCommit()).rejects.toThrow(SupersededGenerationError);
  });

  it.each<[string, readonly Barrier[]]>([
    [
      'up to its barriers',
      [
        [0, 2, 6],
        [1, 2, 5],
      ],
    ],
    [
      'beyond barriers of which an earlier build kept no position',
      [
        [0, 2, ANY_POSITION],
        [1, 2, ANY_POSITION],
      ],
    ],
    [
      'beyond barriers of a former number',
      [
        [0, 2, 7],
        [1, 2, 5],
        [1, 1, 3],
      ],
    ],
  ])('goes live where another state has published %s', async (_, barriers) => {
    const { gate, onClaim } = await given({
      ...{ manifest: SECOND, barriers, published: [1] },
      checkpoint: { stateId: 9, positions: [5] },
    });
    await onClaim();
    expect(gate.suppressed()).toBe(false);
  });

  it('is refused where a later generation number was published', async () => {
    const { onClaim } = await given({ manifest: SECOND, published: [1, 3] });
    await expect(onClaim()).rejects.toThrow(SupersededGenerationError);
  });
});
