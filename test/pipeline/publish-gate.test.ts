import type { Committed, LogRecord } from '../../src/log/source';
import {
  type GateDeps,
  kpiCommands,
  type KpiCommand,
  SUPPRESSED_FIELD,
  SupersededGenerationError,
} from '../../src/pipeline/publish-gate';
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
 * What a kpi task owes when it is claimed after so many commits, where records with these numbers were published of
 * `d1`, and it remembers some of these deliveries.
 */
async function onClaim(
  manifest: Manifest,
  commits: number,
  published: readonly number[],
  remembered: readonly string[] = [],
  checkpoint: Committed | null = null,
): Promise<KpiInput[]> {
  const store = memoryStore();
  const entries = remembered.map((id) => [Buffer.from(id), Buffer.from([9])] as const);
  const suppressed = { hash: FLAGS_HASH, entries: [[SUPPRESSED_FIELD, Buffer.from('1')]] as const };
  const writes = manifest.hasPredecessor ? [suppressed, { hash: PUBLISHED_HASH, entries }] : [];
  await store.create(manifest, { status: [[0]], kpi: [[0]] }, [{ partition: 0, writes }]);
  const deps: GateDeps = {
    ...{ address: ADDRESS, manifest, store },
    checkpoint: async () => checkpoint,
    readPublished: async (onRecord) => {
      for (const number of published) onRecord(recordOf(number));
    },
    numberOf: (value) => value.readUInt8(0),
  };
  const emitted = Promise.resolve('acknowledged' as const);
  const claim = { epoch: 1, sequence: commits, positions: [0], committedBy: 0, outbox: null };
  const ownership = { ...claim, emitted };
  const owed: KpiInput[] = [];
  for await (const page of kpiCommands(deps).atClaim(ownership, claim)) owed.push(...page);
  return owed;
}

const recordOf = (number: number): LogRecord => ({
  ...{ topic: 0, partition: 0, offset: 0, timestamp: 0, headerCount: 0, headers: () => [] },
  key: Buffer.from('d1'),
  value: Buffer.from([number]),
});

describe('a kpi task that is not muted', () => {
  it('owes nothing, whatever was published', async () => {
    expect(await onClaim(FIRST, 1, [1])).toEqual([]);
  });
});

describe('a kpi task whose store does not know what was published last', () => {
  it('is muted, learns it from the log, and notes up to where', async () => {
    const owed = await onClaim(FIRST, 1, [1], [], { offset: 0, note: '7/3' });
    expect(owed.slice(0, 3)).toEqual([
      { suppressUntil: 0 },
      { deliveryId: 'd1', published: Buffer.from([1]) },
      { seen: '0 7/3' },
    ]);
    expect(owed.at(-1)).toEqual({ resume: true });
  });
});

describe('a muted kpi task', () => {
  const second: Manifest = { ...FIRST, generation: 2, hasPredecessor: true };

  it('remembers what was published, then may speak', async () => {
    const owed = (await onClaim(second, 0, [1])).filter((each): each is KpiCommand => 'published' in each);
    expect(owed).toEqual([{ deliveryId: 'd1', published: Buffer.from([1]) }]);
  });

  it('gives way where a later number was published', async () => {
    await expect(onClaim(second, 1, [3])).rejects.toThrow(SupersededGenerationError);
  });

  it('forgets what it has for published and the log has not', async () => {
    const owed = await onClaim(second, 0, [1], ['d1', 'd2']);
    expect(owed.filter((each) => 'published' in each && each.published === null)).toEqual([
      { deliveryId: 'd2', published: null },
    ]);
  });
});
