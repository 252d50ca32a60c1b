import { describeWithServers, type SharedServers } from '../servers/servers';
import { verdict } from './evidence';
import type { Fault, Weakness } from './faults';
import type { Worker } from './processes';
import { drain, isDrained, openStage, type Stage, until, untidy } from './stage';

// Each defence twice: in place, and removed, where the recount must detect the damage. All runs are concurrent: they
// mostly wait for sessions to end.

/** No inferred expiry is emitted after the late records. */
const NO_EXPIRY = { EFS_EXPIRY: 'off' };

const half = (stage: Stage, seed: number) =>
  stage.produce(
    untidy(stage.encode, { seed: 77, messages: 1_500, deliveries: 3, startAt: Date.UTC(2026, 0, seed) }),
    3_000,
  );

/** A worker is frozen at a call, another takes over and continues, then the first one's call is executed late. */
async function lateCall(servers: SharedServers, fault: Fault, weaknesses: Weakness[]): Promise<string[]> {
  const stage = await openStage(servers, { partitions: 1, settings: NO_EXPIRY });
  try {
    const zombie = stage.faulty('zombie', { fault, weaknesses });
    await until('the zombie folds', () => zombie.hasLogged('partitions assigned'));
    const producing = half(stage, 1);
    await until('the zombie is frozen', () => zombie.hasLogged('fault injected: '));
    stage.run('successor');
    await producing;
    await until('the successor has taken over', () => isDrained(stage));
    await half(stage, 2);
    await until('the successor has folded more', () => isDrained(stage));
    await late(zombie);
    // A late record stays the last one only where nothing follows; a late commit is built upon.
    if (fault.point === 'commit:status') await half(stage, 3);
    await drain(stage);
    return (await verdict(stage)).problems;
  } finally {
    await stage.close();
  }
}

/** Lets the frozen call complete, and kills the zombie before it can notice that it was fenced. */
async function late(zombie: Worker): Promise<void> {
  const done = async (): Promise<number> =>
    (await zombie.counter('efs_fences_total')) + (await zombie.counter('efs_batches_total'));
  zombie.signal('SIGCONT');
  await until('the late call has completed', () => zombie.hasLogged('faulted call completed'));
  await until('it is counted', async () => (await done()) > 0);
  zombie.signal('SIGKILL');
  await zombie.ended;
}

/** A worker is killed between a dead letter and the position behind it; another takes over. */
async function deathAtLetter(
  servers: SharedServers,
  fault: Fault,
  weaknesses: Weakness[],
): Promise<string[]> {
  const stage = await openStage(servers, { partitions: 1, settings: NO_EXPIRY });
  try {
    const worker = stage.faulty('worker', { fault, weaknesses });
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

describeWithServers(
  ['kafka', 'registry', 'redis'],
  'defences against stale owners and lost dead letters:',
  (servers) => {
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

    it('the fenced sink keeps late records of a frozen worker out of the log', async () => {
      expect(await runs['fenced sink']).toEqual([]);
    }, 120_000);

    it('without the fence a late record is the last of its delivery', async () => {
      const problems = await runs['unfenced sink'];
      expect(problems?.filter((each) => /the revision falls/.test(each))).not.toEqual([]);
      expect(problems?.filter((each) => /^delivery .* kpis\./.test(each))).not.toEqual([]);
    }, 120_000);

    it('a late commit of a frozen worker changes nothing', async () => {
      expect(await runs['fenced commit']).toEqual([]);
    }, 120_000);

    it('without the checks of the commit a late commit corrupts the state', async () => {
      expect(await runs['unfenced commit']).not.toEqual([]);
    }, 120_000);

    it('no dead letter is lost where a worker dies between it and its position', async () => {
      expect(await runs['letter first']).toEqual([]);
    }, 120_000);

    it('a dead letter is lost where its position is committed first', async () => {
      const problems = await runs['position first'];
      expect(problems?.filter((each) => /^dead letter .*: recounted, but not found/.test(each))).not.toEqual(
        [],
      );
    }, 120_000);
  },
);
