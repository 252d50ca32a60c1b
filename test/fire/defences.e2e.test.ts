import { describeWithServers, type SharedServers } from '../servers/servers';
import { verdict } from './evidence';
import type { Fault, Weakness } from './faults';
import type { Worker } from './processes';
import { drain, isDrained, openStage, type Stage, until, untidy } from './stage';

// Each defence twice: as it is, and taken away, where the recount must find what it defends against. All of them run
// at once: they spend their time waiting for sessions to end.

/** No expiry speaks up behind what is emitted late. */
const QUIET = { EFS_EXPIRY: 'off' };

const half = (stage: Stage, seed: number) =>
  stage.pour(
    untidy(stage.encode, { seed: 77, messages: 1_500, deliveries: 3, startAt: Date.UTC(2026, 0, seed) }),
    3_000,
  );

/** A worker freezes at a call, another takes over and goes on, then the first one's call is carried out late. */
async function lateCall(servers: SharedServers, fault: Fault, weaknesses: Weakness[]): Promise<string[]> {
  const stage = await openStage(servers, { partitions: 1, settings: QUIET });
  try {
    const zombie = stage.struck('zombie', { fault, weaknesses });
    await until('the zombie folds', () => zombie.says('partitions assigned'));
    const pouring = half(stage, 1);
    await until('the zombie freezes', () => zombie.says('struck: '));
    stage.run('successor');
    await pouring;
    await until('the successor has taken over', () => isDrained(stage));
    await half(stage, 2);
    await until('the successor has gone on', () => isDrained(stage));
    await late(zombie);
    // What is emitted late stays the last word only where nothing follows; what is committed late is built upon.
    if (fault.point === 'commit:status') await half(stage, 3);
    await drain(stage);
    return (await verdict(stage)).problems;
  } finally {
    await stage.close();
  }
}

/** Lets the frozen call be carried out, and ends the zombie before it can hear that it is one. */
async function late(zombie: Worker): Promise<void> {
  const done = async (): Promise<number> =>
    (await zombie.counter('efs_fences_total')) + (await zombie.counter('efs_batches_total'));
  zombie.signal('SIGCONT');
  await until('the late call is through', () => zombie.says('struck call is through'));
  await until('it is counted', async () => (await done()) > 0);
  zombie.signal('SIGKILL');
  await zombie.ended;
}

/** A worker dies where a dead letter and the position behind it are written; another takes over. */
async function deathAtLetter(
  servers: SharedServers,
  fault: Fault,
  weaknesses: Weakness[],
): Promise<string[]> {
  const stage = await openStage(servers, { partitions: 1, settings: QUIET });
  try {
    const worker = stage.struck('worker', { fault, weaknesses });
    await Promise.all([half(stage, 1), worker.ended]);
    stage.run('successor');
    await drain(stage);
    return (await verdict(stage)).problems;
  } finally {
    await stage.close();
  }
}

const EMIT: Fault = { point: 'emit:kpi', side: 'before', nth: 3, signal: 'SIGSTOP' };
const COMMIT: Fault = { point: 'commit:status', side: 'before', nth: 4, signal: 'SIGSTOP' };
const LETTER: Fault = { point: 'emit:dead-letter', side: 'after', nth: 1, signal: 'SIGKILL' };
const NO_LETTER: Fault = { ...LETTER, side: 'before' };

describeWithServers(['kafka', 'registry', 'redis'], 'a defence bites:', (servers) => {
  const runs: Record<string, Promise<string[]>> = {};

  beforeAll(() => {
    runs['fenced sink'] = lateCall(servers, EMIT, []);
    runs['unfenced sink'] = lateCall(servers, EMIT, ['unfenced-sink']);
    runs['fenced commit'] = lateCall(servers, COMMIT, []);
    runs['unfenced commit'] = lateCall(servers, COMMIT, ['unchecked-commit']);
    runs['letter first'] = deathAtLetter(servers, LETTER, []);
    runs['position first'] = deathAtLetter(servers, NO_LETTER, ['commit-before-dead-letter']);
    for (const run of Object.values(runs)) run.catch(() => undefined);
  });

  it('what a frozen worker emits late does not reach the log', async () => {
    expect(await runs['fenced sink']).toEqual([]);
  }, 120_000);

  it('without the fence its late record would be the last that readers see', async () => {
    const problems = await runs['unfenced sink'];
    expect(problems?.filter((each) => /the revision falls/.test(each))).not.toEqual([]);
    expect(problems?.filter((each) => /^delivery .* kpis\./.test(each))).not.toEqual([]);
  }, 120_000);

  it('what a frozen worker commits late changes nothing', async () => {
    expect(await runs['fenced commit']).toEqual([]);
  }, 120_000);

  it('without the checks of the commit the state would be spoilt', async () => {
    expect(await runs['unfenced commit']).not.toEqual([]);
  }, 120_000);

  it('a worker that dies between a dead letter and its position leaves no gap', async () => {
    expect(await runs['letter first']).toEqual([]);
  }, 120_000);

  it('were the position committed first, a letter would be missing', async () => {
    const problems = await runs['position first'];
    expect(problems?.filter((each) => /^dead letter .*: recounted, but not found/.test(each))).not.toEqual(
      [],
    );
  }, 120_000);
});
