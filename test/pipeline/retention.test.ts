import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import type { TaskOwnership } from '../../src/pipeline';
import {
  type RetentionCommand,
  retentionCommands,
  retirementIn,
  retirementMarker,
  retiredDelivery,
  WALK_MS,
} from '../../src/pipeline/retention';
import { encodeRetirement } from '../../src/store/retired';
import type { Store } from '../../src/store/store';
import { virtualClock } from '../support/clock';
import { HOUR } from '../support/feedback';

const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 1);
const RETENTION_MS = 300 * HOUR;
/** A time until which partitions have read. */
const UNTIL = Date.UTC(2026, 10, 23);
const OLD = { asOf: 0, revision: 1 };

const bytes = (value: string | number | null | undefined): Buffer | null =>
  value == null ? null : Buffer.from(String(value));

const retiredAt = (at: number | undefined): Buffer | null =>
  at === undefined ? null : encodeRetirement({ at, asOf: at });

/** A kpi task with these deliveries: last feedback, revision. All of its state may be changed. */
function given(sums: Record<string, { asOf: number; revision: number }>, partitions = 2) {
  const clock = virtualClock();
  const state = { sums, retired: {} as Record<string, number>, end: 0, position: 0 };
  let until: readonly (number | null)[] = [];
  const store: Pick<Store, 'load' | 'scan'> = {
    load: async ({ pipeline, partition }, reads) =>
      pipeline === 'status'
        ? [[bytes(until[partition])]]
        : reads.map(({ fields }) => Array.from(fields, (id) => retiredAt(state.retired[String(id)]))),
    scan: async () => ({
      cursor: '0',
      entries: Object.entries(state.sums).map(
        ([id, sum]) => [Buffer.from(id), contribution.encode({ ...emptySum(id, 1), ...sum })] as const,
      ),
    }),
  };
  const commands = retentionCommands({
    ...{ store, clock, contribution, partitions, retentionMs: RETENTION_MS },
    address: { stateId: 1, pipeline: 'kpi', partition: 0 },
    contributionsEnd: async () => state.end,
  });
  const portions = async (): Promise<(readonly RetentionCommand[])[]> => {
    const done = [];
    const ownership = { positions: [state.position] } as unknown as TaskOwnership;
    for await (const portion of commands(ownership)) done.push(portion);
    return done;
  };
  const look = async (): Promise<RetentionCommand[]> => (await portions()).flat();
  /** Looks when the next walk is due; partitions have read until then, or until the times given. */
  const walk = (read: readonly (number | null)[] | null = null): Promise<RetentionCommand[]> => {
    clock.advance(WALK_MS);
    until = read ?? Array.from({ length: partitions }, () => clock.now());
    return look();
  };
  return { state, clock, portions, look, walk };
}

describe('a walk through the deliveries', () => {
  it('announces those whose last feedback is older than the retention, to the millisecond', async () => {
    const asOf = UNTIL - RETENTION_MS;
    const { walk, clock } = given({ exactly: { ...OLD, asOf }, older: { ...OLD, asOf: asOf - 1 } });
    expect(await walk([UNTIL, UNTIL])).toEqual([]);
    const as = { at: clock.now() + WALK_MS, asOf: UNTIL };
    expect(await walk([UNTIL, UNTIL + 1])).toEqual([{ retire: 'older', as }]);
  });

  it('goes by the partition that has read least, and does not begin before all have said', async () => {
    const { walk } = given({ exactly: { ...OLD, asOf: UNTIL - RETENTION_MS }, old: OLD });
    for (const other of [null, null, null]) expect(await walk([UNTIL + 1, other])).toEqual([]);
    await walk([UNTIL + 1, UNTIL]);
    expect(await walk([UNTIL + 1, UNTIL])).toMatchObject([{ retire: 'old' }]);
    await walk([UNTIL + 1, UNTIL + 1]);
    expect(await walk([UNTIL + 1, UNTIL + 1])).toContainEqual(expect.objectContaining({ retire: 'exactly' }));
  });

  it('comes once an hour', async () => {
    const { clock, look, walk } = given({ old: OLD });
    await walk();
    for (const ms of [0, WALK_MS - 1]) {
      clock.advance(ms);
      expect(await look()).toEqual([]);
    }
    clock.advance(1);
    expect(await look()).toHaveLength(1);
  });

  it('leaves alone what has got feedback since the last one', async () => {
    const { state, walk } = given({ old: OLD });
    await walk();
    state.sums = { old: { ...OLD, revision: 2 } };
    expect(await walk()).toEqual([]);
    expect(await walk()).toHaveLength(1);
  });

  it('waits until what the partitions have sent is folded', async () => {
    const { state, look, walk } = given({ old: OLD });
    await walk();
    state.end = 5;
    state.position = 4;
    expect(await walk()).toEqual([]);
    expect(await look()).toEqual([]);
    state.position = 5;
    expect(await look()).toHaveLength(1);
  });

  it('removes what was announced when all partitions have read on for more than two hours', async () => {
    const { state, walk } = given({ old: OLD });
    state.retired = { old: UNTIL };
    expect(await walk([UNTIL + 2 * HOUR, UNTIL + 3 * HOUR])).toEqual([]);
    expect(await walk([UNTIL + 3 * HOUR, UNTIL + 2 * HOUR + 1])).toEqual([{ remove: 'old', partitions: 2 }]);
  });

  it('removes about a thousand fields at once, however many deliveries there are', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `d${index}`);
    const { state, walk, portions, clock } = given(Object.fromEntries(ids.map((id) => [id, OLD])), 98);
    await walk();
    state.retired = Object.fromEntries(ids.map((id) => [id, 0]));
    clock.advance(WALK_MS);
    expect((await portions()).map(({ length }) => length)).toEqual([10, 10, 5]);
  });
});

it('a marker has a key that no partition’s share has, and says which delivery is retired since when, as of when', () => {
  const marker = retirementMarker('d', { at: 7, asOf: 5 }, { stateId: 2, partition: 3, contribution });
  expect(retiredDelivery(marker.key)).toBe('d');
  const said = contribution.decode(marker.value!);
  expect(said).toMatchObject({ deliveryId: 'd', relayed: 0 });
  expect(retirementIn(said)).toEqual({ at: 7, asOf: 5 });
  expect(retirementIn({ ...said, retiredAt: null })).toBeNull();
  for (const key of ['d/3', '/3', 'd']) expect(retiredDelivery(Buffer.from(key))).toBeNull();
  expect(retiredDelivery(null)).toBeNull();
});
