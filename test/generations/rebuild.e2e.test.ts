import { kpiHistory, verdict } from '../fire/evidence';
import { efs, startEfs, type Worker } from '../fire/processes';
import { drain, openStage, type Stage, until, untidy } from '../fire/stage';
import { describeWithServers } from '../servers/servers';

const MESSAGES = 8_000;
const PER_SECOND = 1_000;

describeWithServers(['kafka', 'registry', 'redis'], 'a rebuild on real servers', (servers) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(servers, { partitions: 3 });
  }, 120_000);

  afterAll(async () => {
    await stage?.close();
  });

  const traffic = (seed: number, messages = MESSAGES) =>
    untidy(stage.encode, { seed, messages, deliveries: 8, disorder: 0.05 });
  const rebuilding = (...more: string[]): Worker =>
    startEfs('rebuild', ['rebuild', '--json', ...more], stage.settings);

  it('is killed twice, continues, compares equal under load, is promoted and reverted; no KPI is wrong', async () => {
    stage.run('one');
    await until('there is a generation', async () => (await stage.store.active()) !== null);
    stage.run('two');
    await stage.produce(traffic(1));
    const producing = stage.produce(traffic(2, 12_000), PER_SECOND);

    for (let kill = 1; kill <= 2; kill += 1) {
      const killed = rebuilding('--max-rate', '4000');
      await until('the rebuild has started', () => killed.hasPrintedError('state 2'));
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      killed.signal('SIGKILL');
      expect((await killed.ended).signal).toBe('SIGKILL');
    }
    const { exitCode, out, err } = await rebuilding('--promote').ended;
    expect([exitCode, err]).toEqual([0, expect.stringContaining('resuming state 2')]);
    expect(JSON.parse(out)).toMatchObject({ equal: true, active: 1, candidate: 2, promotedAs: 2 });

    // Changes to be published, also where the load has ended before the promotion.
    await stage.produce(traffic(3, 200));
    await until('the workers publish for it', async () =>
      [...(await kpiHistory(stage)).values()].some((history) => history.at(-1)?.change.generation === 2),
    );
    const back = await efs(['promote', '--generation', '1'], stage.settings);
    expect([back.exitCode, back.out]).toEqual([0, expect.stringContaining('carry generation 3')]);
    await producing;
    await drain(stage);
    const found = await verdict(stage);
    expect(found.problems).toEqual([]);
    const listed = await efs(['generations', '--json'], stage.settings);
    expect(JSON.parse(listed.out)).toMatchObject([
      { generation: 1, state: 'active', publishedAs: 3, lag: 0 },
      { generation: 2, state: 'retired', publishedAs: 2 },
    ]);
    const dropped = await efs(['generations', 'drop', '2'], stage.settings);
    expect([dropped.exitCode, dropped.err]).toEqual([0, '']);
    expect(await stage.store.list()).toMatchObject([{ stateId: 1 }]);
  }, 150_000);

  it('with another policy shows what would change, and exits with 3', async () => {
    const { exitCode, out } = await efs(['rebuild', '--policy', 'relay'], stage.settings);
    expect(exitCode).toBe(3);
    expect(out).toContain('setting EFS_POLICY was efs and is now relay');
    expect(out).toMatch(/^delivery DM\d-\d\n {2}policy +EFS +RELAY$/m);
    expect(out).toMatch(/\ndifferent\n/);
    const other = await efs(['rebuild'], stage.settings);
    expect([other.exitCode, other.err]).toEqual([2, expect.stringContaining('efs generations drop')]);
  }, 60_000);

  it.each(['--from-offset', '--from-time'])('refuses %s and states the reason', async (option) => {
    const { exitCode, err } = await efs(['rebuild', option, '5'], stage.settings);
    expect([exitCode, err]).toEqual([2, expect.stringMatching(/error: .*not supported.*\nremedy: /)]);
  });
});
