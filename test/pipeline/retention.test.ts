import { DeliveryId } from '../../src/base/ids';
import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC, RETIRED_TOPIC } from '../../src/feedback/topics';
import { domainGroups } from '../../src/kpi/domains';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import type { OutgoingRecord } from '../../src/log/sink';
import type { LogRecord } from '../../src/log/source';
import type { Projected } from '../../src/pipeline';
import { flagEntry, RETIRED_READ } from '../../src/pipeline/flags';
import {
  adoptRetired,
  type RetentionDeps,
  RETENTION_SCAN_MS,
  retirementRecord,
  retirements,
} from '../../src/pipeline/retention';
import { messageCache } from '../../src/pipeline/message-cache';
import { statusMemory } from '../../src/pipeline/status';
import { memoryStore } from '../../src/store/store.memory';
import type { Write } from '../../src/store/store';
import { commitOf, manifestOf, start, task as ADDRESS } from '../store/given';
import { virtualClock } from '../support/clock';
import { HOUR } from '../support/feedback';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
const RETENTION_MS = 300 * HOUR;
const OLD = { asOf: 0, revision: 1 };
/** The task's positions, as its store has them. */
const POSITIONS = [4, 9];
const FROM = { 0: 4, 1: 9 };

const shareOf = (id: string, given: Partial<Contribution> = {}): Contribution => ({
  ...{ ...emptySum(id, 1), relayed: 1, ...given },
});

/** A status task with these contributions, and the retired deliveries of its partition in the log. */
async function given(shares: Record<string, Partial<Contribution>>, expires = true) {
  const clock = virtualClock();
  const store = memoryStore();
  await store.create(manifestOf(1), { ...start, status: [POSITIONS, POSITIONS] });
  let claim = (await store.claim(ADDRESS, 1))!;
  const commit = async ({ writes }: Pick<Projected, 'writes'>): Promise<void> => {
    const next = commitOf(claim, { writes, next: claim.positions });
    expect(await store.commit(ADDRESS, next)).toBe('committed');
    claim = { ...claim, sequence: next.sequence };
  };
  const put = (id: string, share: Partial<Contribution>): Promise<void> =>
    commit({
      writes: [{ hash: 'c', entries: [[Buffer.from(id), contribution.encode(shareOf(id, share))]] }],
    });
  for (const [id, share] of Object.entries(shares)) await put(id, share);
  const log: { key: Buffer | null; value: Buffer | null }[] = [];
  const strangers: number[] = [];
  const reads: number[] = [];
  const folded: string[] = [];
  const memory = statusMemory(messageCache());
  const deps: RetentionDeps = {
    ...{ address: ADDRESS, store, clock, memory, expires, retentionMs: RETENTION_MS },
    rules: {
      ...{ stateId: 1, generation: 1, partition: 0, partitions: 2, buckets: 1, defaultPolicy: 'EFS' },
      ...{ groups: domainGroups([]), contribution, statusChanged: null, retryOutcome: null as never },
    },
    readRetired: async (onRecord, from) => {
      reads.push(from);
      log.forEach((each, offset) => offset >= from && onRecord(recordOf(offset, each)));
    },
    onStranger: ({ offset }) => void strangers.push(offset),
    rejectFolded: async (retired) => void folded.push(...retired.keys()),
    publish: async (records) => void log.push(...records),
  };
  const committed = async (effects: AsyncIterable<Projected>): Promise<OutgoingRecord[]> => {
    const outgoing: OutgoingRecord[] = [];
    for await (const each of effects) {
      await commit(each);
      outgoing.push(...each.outgoing);
    }
    return outgoing;
  };
  const retire = retirements(deps);
  const due = (): Promise<OutgoingRecord[]> => committed(retire({ positions: POSITIONS }));
  /** Advances the clock to the next scan. */
  const scanDue = (): Promise<OutgoingRecord[]> => {
    clock.advance(RETENTION_SCAN_MS);
    return due();
  };
  const adopt = (): Promise<OutgoingRecord[]> => committed(adoptRetired(deps, POSITIONS));
  const stored = async (hash: string): Promise<Map<string, Buffer>> =>
    new Map((await store.scan(ADDRESS, hash, '0')).entries.map(([field, value]) => [String(field), value]));
  const retired = async (): Promise<string[]> =>
    [...(await stored('c'))]
      .filter(([, value]) => contribution.decode(value).retiredFrom !== null)
      .map(([id]) => id)
      .sort();
  const published = (): string[] => log.map(({ key }) => String(key)).sort();
  return {
    ...{ clock, deps, log, strangers, reads, folded, memory, commit, put, due, scanDue },
    adopt,
    stored,
    retired,
    published,
  };
}

const recordOf = (offset: number, { key, value }: Pick<LogRecord, 'key' | 'value'>): LogRecord => ({
  ...{ topic: 0, partition: 0, offset, timestamp: 0, key, value, headerCount: 0, headers: () => [] },
});

describe('a scan of the deliveries', () => {
  it('retires deliveries whose last feedback is older than the retention, to the millisecond', async () => {
    const { clock, put, scanDue, retired } = await given({});
    const asOf = clock.now() + RETENTION_SCAN_MS - RETENTION_MS;
    await put('exactly', { asOf });
    await put('older', { asOf: asOf - 1 });
    await put('younger', { asOf: asOf + 1 });
    await scanDue();
    await scanDue();
    expect(await retired()).toEqual(['older']);
  });

  it('is made once an hour, and retires what two scans in a row found old', async () => {
    const { clock, due, scanDue, published } = await given({ old: OLD });
    await due();
    await scanDue();
    for (const ms of [0, RETENTION_SCAN_MS - 1]) {
      clock.advance(ms);
      await due();
      expect(published()).toEqual([]);
    }
    clock.advance(1);
    await due();
    expect(published()).toEqual(['old']);
  });

  it('does not retire a delivery with feedback since the last scan', async () => {
    const { put, scanDue, published } = await given({ old: OLD });
    await scanDue();
    await put('old', { ...OLD, revision: 2 });
    await scanDue();
    expect(published()).toEqual([]);
    await scanDue();
    expect(published()).toEqual(['old']);
  });

  it('does not retire a delivery with deadlines, where expiries are inferred', async () => {
    const { memory, scanDue, published } = await given({ old: OLD, open: OLD });
    memory.timerIndex.set(DeliveryId('open'), { count: 1, soonest: 5 } as never);
    for (const _ of [1, 2, 3]) await scanDue();
    expect(published()).toEqual(['old']);
    const inferringNothing = await given({ open: OLD }, false);
    inferringNothing.memory.timerIndex.set(DeliveryId('open'), { count: 1, soonest: 5 } as never);
    for (const _ of [1, 2]) await inferringNothing.scanDue();
    expect(inferringNothing.published()).toEqual(['open']);
    expect(inferringNothing.memory.timerIndex.size).toBe(0);
  });

  it('retires a delivery once', async () => {
    const { scanDue, published } = await given({ old: OLD });
    for (let scans = 0; scans < 5; scans += 1) await scanDue();
    expect(published()).toEqual(['old']);
  });

  it('retires at most 200 deliveries per commit', async () => {
    const ids = Array.from({ length: 450 }, (_, index) => `d${index}`);
    const { deps, clock, scanDue, commit } = await given(Object.fromEntries(ids.map((id) => [id, OLD])));
    const sizes: number[] = [];
    const publish: RetentionDeps['publish'] = async (records) => {
      sizes.push(records.length);
      return deps.publish(records);
    };
    await scanDue();
    const retire = retirements({ ...deps, publish });
    const adopted: number[] = [];
    for (const _ of [1, 2]) {
      clock.advance(RETENTION_SCAN_MS);
      for await (const effects of retire({ positions: POSITIONS })) {
        adopted.push(effects.writes[0]!.entries.length);
        await commit(effects);
      }
    }
    expect(sizes).toEqual([200, 200, 50]);
    expect(adopted).toEqual([200, 1, 200, 1, 50, 1]);
  });

  it('stores nothing where the records are not acknowledged', async () => {
    const { deps, clock, stored, retired, commit } = await given({ old: OLD });
    const retire = retirements({ ...deps, publish: () => Promise.reject(new Error('fenced')) });
    const run = async (): Promise<void> => {
      clock.advance(RETENTION_SCAN_MS);
      for await (const effects of retire({ positions: POSITIONS })) await commit(effects);
    };
    await run();
    await expect(run()).rejects.toThrow('fenced');
    expect([await retired(), (await stored('z')).size]).toEqual([[], 0]);
  });
});

describe('a retired delivery', () => {
  it('is published as its last contribution, with the positions of the task, in the task’s partition', async () => {
    const { log, scanDue } = await given({ old: { ...OLD, relayed: 7 } });
    await scanDue();
    await scanDue();
    expect(log).toHaveLength(1);
    const [{ topic, partition, key, value }] = log as [OutgoingRecord];
    expect([topic, partition, String(key)]).toEqual([RETIRED_TOPIC, 0, 'old']);
    expect(contribution.decode(value!)).toEqual(
      contribution.decode(contribution.encode(shareOf('old', { ...OLD, relayed: 7, retiredFrom: FROM }))),
    );
  });

  it('is stored and emitted as that contribution, without deadlines, and is to be evicted', async () => {
    const { memory, scanDue, stored } = await given({ old: OLD, young: { asOf: Date.UTC(2100, 0) } }, false);
    memory.timerIndex.set(DeliveryId('old'), { count: 1, soonest: 5 } as never);
    memory.open.put('old', true);
    memory.contributions.put('old', shareOf('old'));
    await scanDue();
    const outgoing = await scanDue();
    expect(contribution.decode((await stored('c')).get('old')!).retiredFrom).toEqual(FROM);
    expect([...(await stored('z')).keys()]).toContain('old');
    expect((await stored('w')).size).toBe(0);
    expect(outgoing.map(({ topic }) => topic)).toContain(CONTRIBUTIONS_TOPIC);
    expect(outgoing.map(({ value }) => contribution.decode(value!).retiredFrom)[0]).toEqual(FROM);
    expect([memory.open.get('old'), memory.contributions.get('old'), memory.timerIndex.size]).toEqual([
      null,
      null,
      0,
    ]);
    expect([...memory.evicting]).toContain('old');
  });
});

describe('an adoption', () => {
  const rules = { partition: 0, contribution };
  /** What another generation, or a later time of this one, has published. */
  const published = (id: string, share: Partial<Contribution> = {}, positions = POSITIONS): OutgoingRecord =>
    retirementRecord(rules, shareOf(id, { generation: 9, ...share }), positions);

  it('replaces the contribution, whatever it counts, by the published one under the own state id', async () => {
    const { log, adopt, stored } = await given({ old: { relayed: 9, revision: 9 } });
    log.push(published('old', { relayed: 2, revision: 2 }, [3, 3]), published('unknown', { relayed: 1 }));
    const outgoing = await adopt();
    const shares = [...(await stored('c')).values()].map((value) => contribution.decode(value));
    const own = { generation: 1, partition: 0 };
    expect(shares).toMatchObject([
      { ...own, deliveryId: 'old', relayed: 2, revision: 2, retiredFrom: { 0: 3, 1: 3 } },
      { ...own, deliveryId: 'unknown', relayed: 1, retiredFrom: FROM },
    ]);
    expect(outgoing.map(({ value }) => contribution.decode(value!))).toEqual(shares);
    expect([...(await stored('z')).keys()]).toEqual(['old', 'unknown']);
  });

  it('has the feedback set aside that an owner folded without knowing of the retirement, and no other', async () => {
    const { log, adopt, folded, retired } = await given({ more: { revision: 3 }, same: { revision: 2 } });
    log.push(published('more', { revision: 2 }), published('same', { revision: 2 }), published('unknown'));
    await adopt();
    expect(folded).toEqual(['more']);
    await adopt();
    expect([folded, await retired()]).toEqual([['more'], ['more', 'same', 'unknown']]);
  });

  it('emits nothing while publishing is suppressed, and stores the same', async () => {
    const { log, memory, adopt, retired } = await given({ old: OLD });
    log.push(published('old'));
    memory.suppressed = true;
    expect(await adopt()).toEqual([]);
    expect(await retired()).toEqual(['old']);
  });

  it('reads on from where the last one has ended, also of the owner before, and commits nothing where nothing is new', async () => {
    const { log, deps, reads, adopt, commit } = await given({});
    await adopt();
    log.push(published('a'), published('b'));
    await adopt();
    await adopt();
    expect(reads).toEqual([0, 0, 2]);
    const effects: Projected[] = [];
    for await (const each of adoptRetired(deps, POSITIONS)) effects.push(each);
    expect(effects).toEqual([]);
    const write: Write = { hash: 'f', entries: [flagEntry(RETIRED_READ, 1)] };
    await commit({ writes: [write] });
    expect((await adopt()).map(({ value }) => contribution.decode(value!).deliveryId)).toEqual(['b']);
  });

  it('passes over records that the service has not written, and adopts those around them', async () => {
    const { log, strangers, adopt, retired } = await given({});
    const key = Buffer.from('x');
    log.push(
      { key, value: null },
      published('a'),
      { key, value: Buffer.from('strange') },
      { key, value: contribution.encode(shareOf('open')) },
      { key, value: contribution.encode({ ...shareOf(''), deliveryId: null, retiredFrom: FROM }) },
      published('b'),
    );
    await adopt();
    expect(strangers).toEqual([0, 2, 3, 4]);
    expect(await retired()).toEqual(['a', 'b']);
  });
});
