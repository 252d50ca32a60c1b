import type { Committed, LogRecord } from '../../src/log/source';
import {
  type GateDeps,
  kpiCommands,
  type KpiCommand,
  SupersededGenerationError,
} from '../../src/pipeline/publish-gate';
import { flagEntry, SUPPRESSED } from '../../src/pipeline/flags';
import type { KpiInput } from '../../src/pipeline/publish-gate';
import { FLAGS_HASH, PUBLISHED_HASH } from '../../src/store/hashes';
import type { Manifest } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';

const FIRST: Manifest = {
  ...{ stateId: 1, generation: 1, partitions: 1, buckets: 1 },
  ...{
    defaultPolicy: 'EFS',
    domainGroups: '',
    predecessor: null,
    cutoverComplete: true,
    catchUpOffsets: [[0]],
  },
  hasPredecessor: false,
};
const ADDRESS = { stateId: 1, pipeline: 'kpi', partition: 0 } as const;

/**
 * The commands of a kpi task at a claim after so many commits, where records of `d1` with these generation numbers are in
 * the log, and the state has these deliveries as published.
 */
async function onClaim(
  manifest: Manifest,
  commits: number,
  published: readonly number[],
  stored: readonly string[] = [],
  checkpoint: Committed | null = null,
): Promise<KpiInput[]> {
  const store = memoryStore();
  const entries = stored.map((id) => [Buffer.from(id), Buffer.from([9])] as const);
  const suppressed = { hash: FLAGS_HASH, entries: [flagEntry(SUPPRESSED, true)] };
  const writes = manifest.hasPredecessor ? [suppressed, { hash: PUBLISHED_HASH, entries }] : [];
  await store.create(manifest, { status: [[0]], kpi: [[0]] }, [writes]);
  const deps: GateDeps = {
    ...{ address: ADDRESS, manifest, store },
    checkpoint: async () => checkpoint,
    readPublished: async (onRecord) => {
      for (const generation of published) onRecord(recordOf(generation));
    },
    generationOf: (value) => value.readUInt8(0),
    onStranger: () => undefined,
  };
  const emitted = Promise.resolve('acknowledged' as const);
  const claim = { epoch: 1, sequence: commits, positions: [0], committedBy: 0, outbox: null };
  const ownership = { ...claim, emitted };
  const commands: KpiInput[] = [];
  for await (const page of kpiCommands(deps).onClaim(ownership, claim)) commands.push(...page);
  return commands;
}

const recordOf = (generation: number): LogRecord => ({
  ...{ topic: 0, partition: 0, offset: 0, timestamp: 0, headerCount: 0, headers: () => [] },
  key: Buffer.from('d1'),
  value: Buffer.from([generation]),
});

describe('a kpi task whose publishing is not suppressed', () => {
  it('has no commands at a claim, whatever was published', async () => {
    expect(await onClaim(FIRST, 1, [1])).toEqual([]);
  });
});

describe('a kpi task with a stale store', () => {
  it('suppresses publishing, reads the published records back from the log, and stores the checkpoint', async () => {
    const commands = await onClaim(FIRST, 1, [1], [], { offset: 0, metadata: '7/3' });
    expect(commands.slice(0, 3)).toEqual([
      { suppressUntil: 0 },
      { deliveryId: 'd1', published: Buffer.from([1]) },
      { seen: '0 7/3' },
    ]);
    expect(commands.at(-1)).toEqual({ resume: true });
  });
});

describe('a kpi task whose publishing is suppressed', () => {
  const second: Manifest = { ...FIRST, generation: 2, hasPredecessor: true };

  it('reads the published records back from the log', async () => {
    const commands = (await onClaim(second, 0, [1])).filter(
      (each): each is KpiCommand => 'published' in each,
    );
    expect(commands).toEqual([{ deliveryId: 'd1', published: Buffer.from([1]) }]);
  });

  it('throws where a later generation number was published', async () => {
    await expect(onClaim(second, 1, [3])).rejects.toThrow(SupersededGenerationError);
  });

  it('deletes stored records that the log does not have', async () => {
    const commands = await onClaim(second, 0, [1], ['d1', 'd2']);
    expect(commands.filter((each) => 'published' in each && each.published === null)).toEqual([
      { deliveryId: 'd2', published: null },
    ]);
  });
});
