import { failureOf } from '../../src/app/failure';
import { promote } from '../../src/generations/cutover';
import type { Environment } from '../../src/settings/config';
import { cutOverDeps, proposed } from '../support/cutover';
import { brokenLinks, differences, kpiRecords, recountWorld } from '../support/observe';
import { during, rebuilt } from '../support/rebuilding';
import { randomFeedback } from '../support/traffic';
import { type Worker, type World, world } from '../support/world';

const SEED = 23;
const FOLLOW = { EFS_ON_MISMATCH: 'follow' };
const RELAY = { EFS_POLICY: 'relay' };
const WARNING = 'active generation was built with different settings: correct the settings of this worker';

/** The settings of a state that differ from those of the world, and how they are named. */
const OTHERS: [name: string, own: Environment, named: string][] = [
  ['EFS_POLICY', RELAY, 'EFS_POLICY was efs and is now relay'],
  ['EFS_BUCKETS', { EFS_BUCKETS: '16' }, 'EFS_BUCKETS was 1 and is now 16'],
  [
    'EFS_DOMAIN_GROUPS',
    { EFS_DOMAIN_GROUPS: 'all=gmail.com,aol.com,example.com' },
    'and is now all=aol.com,example.com,gmail.com',
  ],
];

/** A world of policy `efs` whose only worker has counted some feedback; the rest is to come. */
async function given() {
  const there = await world({ messageStatus: 'on' });
  const all = randomFeedback(SEED, 300);
  const first = await there.worker();
  there.produce(all.slice(0, 100));
  await there.settle();
  return { there, first, rest: all.slice(100) };
}

const follower = (there: World, own: Environment): Promise<Worker> =>
  there.worker(undefined, { ...own, ...FOLLOW });

/** Text and exit code of the command whose worker is refused. */
async function refusal(there: World, own: Environment): Promise<ReturnType<typeof failureOf>> {
  const failure: unknown = await there.worker(undefined, own).then(
    () => null,
    (error: unknown) => error,
  );
  if (failure === null) throw new Error('the worker has started');
  return failureOf(failure, false);
}

/** The reasons that a worker has logged for its settings being others. */
const warnings = ({ log }: Worker): unknown[] =>
  log.entries
    .filter(({ level, message }) => level === 'warn' && message === WARNING)
    .map(({ fields }) => fields['reason']);

/** The world as it is judged under another policy than its own. */
const under = (there: World, policy: 'efs' | 'relay') => ({ ...there, settings: { policy } });

/** The figures that a recount finds. */
const recounted = (there: Parameters<typeof recountWorld>[0]) =>
  [...recountWorld(there).deliveries].map(([id, { policy, kpis }]) => [id, policy, kpis]);

/** All that is published and stored is the recount under a policy. */
async function expectRecounted(there: World, policy: 'efs' | 'relay'): Promise<void> {
  expect(await differences(under(there, policy))).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

describe('a worker that starts with other settings than the active generation has', () => {
  it.each(OTHERS)('is refused with exit code 2, setting and remedy: %s', async (name, own, named) => {
    const { there, first, rest } = await given();
    const { text, exitCode } = await refusal(there, own);
    expect(exitCode).toBe(2);
    expect(text).toMatch(/^error: generation 1 does not fit: EFS_\w+ was /);
    expect(text).toContain(`${name} was `);
    expect(text).toContain(named);
    expect(text).toMatch(/\nremedy: .*set them as they were, .*EFS_ON_MISMATCH=follow.*`efs rebuild`/);
    // The others go on.
    there.produce(rest);
    await there.settle();
    await expectRecounted(there, 'efs');
    expect([first.fatal, warnings(first)]).toEqual([[], []]);
  });

  it('is refused also where EFS_ON_MISMATCH says so, and all settings are named', async () => {
    const { there } = await given();
    const own = { ...RELAY, EFS_BUCKETS: '16', EFS_ON_MISMATCH: 'refuse' };
    const { text, exitCode } = await refusal(there, own);
    expect([exitCode, text.split('\n')[0]]).toEqual([
      2,
      'error: generation 1 does not fit: EFS_POLICY was efs and is now relay; EFS_BUCKETS was 1 and is now 16',
    ]);
  });

  it('completes no cut-over where it is refused', async () => {
    const { there, first } = await given();
    await first.stop();
    const active = (await there.store.active())!;
    const candidate = await proposed(there, { defaultPolicy: 'RELAY' });
    const switched = (await there.store.list()).find(({ stateId }) => stateId === candidate)!;
    const incomplete = { ...switched, generation: 2, predecessor: active.stateId, contributionsFrom: null };
    expect(await there.store.replaceActive(active, incomplete)).toBe(true);
    const before = there.store.snapshot();
    expect(await refusal(there, {})).toMatchObject({
      exitCode: 2,
      text: expect.stringContaining('generation 2 does not fit: EFS_POLICY was relay and is now efs'),
    });
    expect(there.store.snapshot()).toEqual(before);
    await there.worker(undefined, RELAY);
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: expect.anything() });
  });

  it.each(OTHERS)('follows where it is told to, and says so once: %s', async (name, own, named) => {
    const { there, first, rest } = await given();
    await first.stop();
    const { defaultPolicy, domainGroups, buckets } = (await there.store.active())!;
    const worker = await follower(there, own);
    there.produce(rest);
    await there.settle();
    // Policy, groups and statuses as the active generation has them, in one hash per delivery and partition.
    await expectRecounted(there, 'efs');
    const hashes = [...there.store.snapshot().tasks.values()].flatMap((task) => [...task.hashes.keys()]);
    const messages = hashes.filter((hash) => hash.startsWith('m/'));
    expect(new Set(messages.map((hash) => hash.split('/')[2]))).toEqual(new Set(['0']));
    expect(warnings(worker)).toEqual([expect.stringContaining(`${name} was `)]);
    expect(warnings(worker)).toEqual([expect.stringContaining(named)]);
    expect(await there.store.list()).toMatchObject([{ stateId: 1, defaultPolicy, domainGroups, buckets }]);
    expect(worker.fatal).toEqual([]);
  });

  it('follows beside a worker with the settings of the state: figures are those of one alone', async () => {
    const { there, first, rest } = await given();
    const worker = await follower(there, RELAY);
    there.produce(rest);
    await there.settle();
    expect([first, worker].map(({ service }) => service.running().length)).toEqual([4, 4]);
    await expectRecounted(there, 'efs');
    expect(recounted(there)).not.toEqual(recounted(under(there, 'relay')));
    expect([warnings(first).length, warnings(worker).length]).toEqual([0, 1]);
  });

  it('warns of nothing where it follows settings that are its own', async () => {
    const { there } = await given();
    expect(warnings(await follower(there, {}))).toEqual([]);
  });

  it('is refused for another number of partitions also where it follows', async () => {
    const { there } = await given();
    const active = (await there.store.active())!;
    expect(await there.store.replaceActive(active, { ...active, partitions: 8 })).toBe(true);
    const { text, exitCode } = await refusal(there, { ...RELAY, ...FOLLOW });
    expect([exitCode, text.split('\n')[0]]).toEqual([
      2,
      'error: generation 1 does not fit: partitions was 8 and is now 4',
    ]);
  });

  it('builds a lost state with its own settings, where it followed others', async () => {
    const { there, first, rest } = await given();
    await first.stop();
    const worker = await follower(there, RELAY);
    there.store.wipe();
    there.produce(rest);
    await there.settle();
    expect(await there.store.list()).toMatchObject([{ stateId: 2, defaultPolicy: 'RELAY' }]);
    await expectRecounted(there, 'relay');
    expect(warnings(worker)).toHaveLength(1);
  });
});

describe('a cut-over to a generation of other settings', () => {
  it.each(['refuse', 'follow'])(
    'is followed by running workers where EFS_ON_MISMATCH=%s',
    async (onMismatch) => {
      const { there, first, rest } = await given();
      await first.stop();
      const worker = await there.worker(undefined, { EFS_ON_MISMATCH: onMismatch });
      const rebuild = await rebuilt(there, { defaultPolicy: 'RELAY', buckets: 3 });
      await during(there, rebuild.stop());
      there.produce(rest.slice(0, 100));
      await during(there, promote(cutOverDeps(there), rebuild.candidate.stateId));
      there.produce(rest.slice(100));
      await there.settle();
      expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2, defaultPolicy: 'RELAY' });
      await expectRecounted(there, 'relay');
      expect(recounted(there)).not.toEqual(recounted(under(there, 'relay')));
      expect(kpiRecords(there).at(-1)).toMatchObject({ generation: 2 });
      expect(warnings(worker)).toEqual([
        'EFS_POLICY was relay and is now efs; EFS_BUCKETS was 3 and is now 1',
      ]);
      expect(worker.fatal).toEqual([]);
    },
  );

  it('refuses the next start with the former settings, and needs no warning where they are those of a follower', async () => {
    const { there, first, rest } = await given();
    const worker = await follower(there, RELAY);
    const rebuild = await rebuilt(there, { defaultPolicy: 'RELAY' });
    await during(there, rebuild.stop());
    await during(there, promote(cutOverDeps(there), rebuild.candidate.stateId));
    await there.settle();
    expect([warnings(first), warnings(worker)]).toEqual([
      ['EFS_POLICY was relay and is now efs'],
      ['EFS_POLICY was efs and is now relay'],
    ]);
    await first.stop();
    await worker.stop();
    expect(await refusal(there, {})).toMatchObject({ exitCode: 2 });
    const next = await there.worker(undefined, RELAY);
    there.produce(rest);
    await there.settle();
    await expectRecounted(there, 'relay');
    expect(warnings(next)).toEqual([]);
  });
});
