import { EfsError } from '../../src/base/errors';
import type { Checkpoint } from '../../src/log/sink';
import type { GroupMember, Groups } from '../../src/log/groups';
import { memoryLog } from '../../src/log/log.memory';
import { memoryTransactionalSinks } from '../../src/log/sink.memory';
import { takeOverFormerNames } from '../../src/generations/former-names';
import { recordingLog } from '../base/recording-log';
import { virtualClock } from '../support/clock';

const TOPIC = 't1.efs.kpi-contributions';
const PARTITIONS = 2;
const worker: GroupMember = { clientId: 'efs', host: '/10.0.0.1', topics: [TOPIC] };
const ofAnotherTenant: GroupMember = { ...worker, topics: ['t2.efs.kpi-contributions'] };

/** A checkpoint of the kpi task of a partition. */
const at = (partition: number, offset: number, metadata: string): Checkpoint => ({
  ...{ topic: 'efs.kpi-contributions', partition, offset, metadata },
});

/** What a worker of 0.1 may have left, and the members of its group. */
function given(members: (GroupMember[] | null)[] = [[]]) {
  const clock = virtualClock();
  const log = memoryLog({ partitions: PARTITIONS, clock });
  const sinksOf = (group: string) => memoryTransactionalSinks(log, { group, prefix: 't1.' });
  const groups: Groups = {
    members: async (groupId) =>
      groupId === 'efs-kpi' ? ((members.length > 1 ? members.shift() : members[0]) ?? null) : [],
    committed: async (groupId, topic) =>
      new Map(
        Array.from({ length: PARTITIONS }, (_, each) => [each, log.committed(groupId, topic, each)] as const),
      ),
  };
  const recorded = recordingLog();
  const reasons: (string | null)[] = [];
  const takeOver = async (overrides: Partial<Groups> = {}): Promise<void> => {
    let done = false;
    const taken = takeOverFormerNames({
      groups: { ...groups, ...overrides },
      own: { kpiGroup: 't1.efs-kpi', transactionalSinks: sinksOf('t1.efs-kpi') },
      former: { kpiGroup: 'efs-kpi', statusGroup: 'efs-status', transactionalSinks: sinksOf('efs-kpi') },
      topics: [TOPIC],
      contributionsTopic: TOPIC,
      relayedTopic: 't1.mta.relayed',
      clock,
      log: recorded,
      retry: (attempt) => attempt(),
      onReason: (_, reason) => void reasons.push(reason),
    }).finally(() => (done = true));
    for (let step = 0; !done && step < 200; step += 1) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await taken;
  };
  const checkpoint = (group: string, partition: number) => log.committed(group, TOPIC, partition);
  return {
    log,
    recorded,
    reasons,
    takeOver,
    former: sinksOf('efs-kpi'),
    own: sinksOf('t1.efs-kpi'),
    checkpoint,
  };
}

describe('names of 0.1', () => {
  it('are taken over with the checkpoint, and their producers are fenced', async () => {
    const { former, own, takeOver, checkpoint, recorded } = given();
    const kpi = await former.open('kpi-1');
    const status = await former.open('status-1');
    await kpi.emit([], at(1, 7, '3/42'));
    await takeOver();
    expect(checkpoint('t1.efs-kpi', 1)).toEqual({ offset: 7, metadata: '3/42' });
    expect(checkpoint('t1.efs-kpi', 0)).toEqual({ offset: 0, metadata: '' });
    expect(await kpi.emit([], at(1, 8, '3/42'))).toBe('fenced');
    expect(await status.emit([], null)).toBe('fenced');
    expect(await (await own.open('kpi-1')).emit([], null)).toBe('acknowledged');
    expect(recorded.entries).toMatchObject([{ level: 'info', fields: { partitions: [0, 1] } }]);
  });

  it('are not touched after the take-over: another installation may use them', async () => {
    const { former, own, takeOver, checkpoint } = given();
    await (await former.open('kpi-0')).emit([], at(0, 3, '1/1'));
    await takeOver();
    const ours = await own.open('kpi-0');
    await ours.emit([], at(0, 9, '1/2'));
    const theirs = await former.open('kpi-0');
    await takeOver();
    expect(await theirs.emit([], null)).toBe('acknowledged');
    expect(await ours.emit([], null)).toBe('acknowledged');
    expect(checkpoint('t1.efs-kpi', 0)).toEqual({ offset: 9, metadata: '1/2' });
  });

  it('are not touched by an installation that never had them, also where access to them is refused', async () => {
    const { former, own, takeOver, checkpoint } = given([[ofAnotherTenant]]);
    const theirs = await former.open('kpi-0');
    const ours = await own.open('kpi-0');
    await takeOver();
    const refuse = () => Promise.reject(new EfsError('access-refused', 'not yours'));
    await takeOver({ members: refuse });
    expect(await theirs.emit([], null)).toBe('acknowledged');
    expect(await ours.emit([], null)).toBe('acknowledged');
    expect(checkpoint('t1.efs-kpi', 0)).toBeNull();
  });

  it('are taken over only once no worker uses them, which is logged and reported until then', async () => {
    const { former, takeOver, checkpoint, recorded, reasons } = given([[worker], null, [worker], []]);
    const sink = await former.open('kpi-0');
    await sink.emit([], at(0, 1, '1/1'));
    await takeOver();
    expect(reasons).toEqual([expect.any(String), expect.any(String), null]);
    expect(reasons[0]).toMatch(
      /^workers of an earlier version are in efs-status or efs-kpi: efs at 10.0.0.1 reads/,
    );
    expect(recorded.entries.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        message: 'waiting for workers of an earlier version to end',
        fields: { error: { code: 'former-workers' } },
      },
    ]);
    expect(checkpoint('t1.efs-kpi', 0)).toEqual({ offset: 1, metadata: '1/1' });
  });
});
