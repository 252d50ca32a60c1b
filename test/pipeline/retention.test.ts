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
  RETENTION_SCAN_MS,
} from '../../src/pipeline/retention';
import { encodeRetirement } from '../../src/store/retired';
import type { Store } from '../../src/store/store';
import { virtualClock } from '../support/clock';
import { HOUR } from '../support/feedback';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
const RETENTION_MS = 300 * HOUR;
/** A time up to which partitions have folded. */
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
  let foldedUntil: readonly (number | null)[] = [];
  const store: Pick<Store, 'load' | 'scan'> = {
    load: async ({ pipeline, partition }, reads) =>
      pipeline === 'status'
        ? [[bytes(foldedUntil[partition])]]
        : reads.map(({ fields }) => Array.from(fields, (id) => retiredAt(state.retired[String(id)]))),
    scan: async () => ({
      cursor: '0',
      entries: Object.entries(state.sums).map(
        ([id, sum]) => [Buffer.from(id), contribution.encode({ ...emptySum(id, 1), ...sum })] as const,
      ),
    }),
  };
  const commands = retentionCommands({
    ...{ store, clock, contribution, manifest: { partitions }, retentionMs: RETENTION_MS },
    address: { stateId: 1, pipeline: 'kpi', partition: 0 },
    contributionsEnd: async () => state.end,
  });
  const portions = async (): Promise<(readonly RetentionCommand[])[]> => {
    const done = [];
    const ownership = { positions: [state.position] } as unknown as TaskOwnership;
    for await (const portion of commands(ownership)) done.push(portion);
    return done;
  };
  const commandsNow = async (): Promise<RetentionCommand[]> => (await portions()).flat();
  /** Advances the clock to the next scan; partitions have folded up to then, or up to the times given. */
  const scanDue = (times: readonly (number | null)[] | null = null): Promise<RetentionCommand[]> => {
    clock.advance(RETENTION_SCAN_MS);
    foldedUntil = times ?? Array.from({ length: partitions }, () => clock.now());
    return commandsNow();
  };
  return { state, clock, portions, commandsNow, scanDue };
}

describe('a scan of the deliveries', () => {
  it('retires deliveries whose last feedback is older than the retention, to the millisecond', async () => {
    const asOf = UNTIL - RETENTION_MS;
    const { scanDue, clock } = given({ exactly: { ...OLD, asOf }, older: { ...OLD, asOf: asOf - 1 } });
    expect(await scanDue([UNTIL, UNTIL])).toEqual([]);
    const as = { at: clock.now() + RETENTION_SCAN_MS, asOf: UNTIL };
    expect(await scanDue([UNTIL, UNTIL + 1])).toEqual([{ retire: 'older', as }]);
  });

  it('uses the earliest time of all partitions, and does not start before all have reported', async () => {
    const { scanDue } = given({ exactly: { ...OLD, asOf: UNTIL - RETENTION_MS }, old: OLD });
    for (const other of [null, null, null]) expect(await scanDue([UNTIL + 1, other])).toEqual([]);
    await scanDue([UNTIL + 1, UNTIL]);
    expect(await scanDue([UNTIL + 1, UNTIL])).toMatchObject([{ retire: 'old' }]);
    await scanDue([UNTIL + 1, UNTIL + 1]);
    expect(await scanDue([UNTIL + 1, UNTIL + 1])).toContainEqual(
      expect.objectContaining({ retire: 'exactly' }),
    );
  });

  it('is made once an hour', async () => {
    const { clock, commandsNow, scanDue } = given({ old: OLD });
    await scanDue();
    for (const ms of [0, RETENTION_SCAN_MS - 1]) {
      clock.advance(ms);
      expect(await commandsNow()).toEqual([]);
    }
    clock.advance(1);
    expect(await commandsNow()).toHaveLength(1);
  });

  it('does not retire a delivery with feedback since the last scan', async () => {
    const { state, scanDue } = given({ old: OLD });
    await scanDue();
    state.sums = { old: { ...OLD, revision: 2 } };
    expect(await scanDue()).toEqual([]);
    expect(await scanDue()).toHaveLength(1);
  });

  it('waits until the contributions that the log held at its start are folded', async () => {
    const { state, commandsNow, scanDue } = given({ old: OLD });
    await scanDue();
    state.end = 5;
    state.position = 4;
    expect(await scanDue()).toEqual([]);
    expect(await commandsNow()).toEqual([]);
    state.position = 5;
    expect(await commandsNow()).toHaveLength(1);
  });

  it('removes a retired delivery once all partitions have folded more than two hours past its retirement', async () => {
    const { state, scanDue } = given({ old: OLD });
    state.retired = { old: UNTIL };
    expect(await scanDue([UNTIL + 2 * HOUR, UNTIL + 3 * HOUR])).toEqual([]);
    expect(await scanDue([UNTIL + 3 * HOUR, UNTIL + 2 * HOUR + 1])).toEqual([
      { remove: 'old', partitions: 2 },
    ]);
  });

  it('removes about a thousand fields per commit', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `d${index}`);
    const { state, scanDue, portions, clock } = given(Object.fromEntries(ids.map((id) => [id, OLD])), 98);
    await scanDue();
    state.retired = Object.fromEntries(ids.map((id) => [id, 0]));
    clock.advance(RETENTION_SCAN_MS);
    expect((await portions()).map(({ length }) => length)).toEqual([10, 10, 5]);
  });
});

it('a retirement marker has a key that no share has, and carries the delivery and its retirement', () => {
  const marker = retirementMarker('d', { at: 7, asOf: 5 }, { stateId: 2, partition: 3, contribution });
  expect(retiredDelivery(marker.key)).toBe('d');
  const decoded = contribution.decode(marker.value!);
  expect(decoded).toMatchObject({ deliveryId: 'd', relayed: 0 });
  expect(retirementIn(decoded)).toEqual({ at: 7, asOf: 5 });
  expect(retirementIn({ ...decoded, retiredAt: null })).toBeNull();
  for (const key of ['d/3', '/3', 'd']) expect(retiredDelivery(Buffer.from(key))).toBeNull();
  expect(retiredDelivery(null)).toBeNull();
});
