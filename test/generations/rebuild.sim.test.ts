import { FEEDBACK_TOPICS, CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { promote } from '../../src/generations/cutover';
import { dropGeneration } from '../../src/generations/drop';
import { startRebuild } from '../../src/generations/rebuild';
import { decodeMessage, encodeMessage } from '../../src/store/codec';
import { cutOverDeps, proposed } from '../support/cutover';
import { barrier } from '../support/faults';
import { brokenLinks, differences, kpiRecords, recordsOf } from '../support/observe';
import { compared, during, stateSettingsOf, rebuildDeps, rebuilt } from '../support/rebuilding';
import { poison, randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const SEED = 12;

async function running(settings: Parameters<typeof world>[0] = {}) {
  const there = await world(settings);
  const all = randomFeedback(SEED, 600);
  const worker = await there.worker();
  there.produce(all.slice(0, 300));
  there.append(poison(there.partitions));
  await there.settle();
  return { there, worker, rest: all.slice(300) };
}

/** The record that allocates a state id. */
const isAllocation = ({ key }: { readonly key: Buffer | null }): boolean => /^\/\d+~/.test(String(key));

/** The number of records in each topic, without allocations of state ids. */
const recordCounts = (there: World): number[] =>
  [
    ...FEEDBACK_TOPICS.map(({ topic }) => topic),
    CONTRIBUTIONS_TOPIC,
    DEAD_LETTER_TOPIC,
    'efs.delivery-kpi',
  ].map((topic) => recordsOf(there, topic).filter((record) => !isAllocation(record)).length);

/** Corrupts a stored message of the candidate, as a broken fold would; returns its delivery. */
async function corrupt({ store, partitions }: World, stateId: number): Promise<string> {
  for (let partition = 0; partition < partitions; partition += 1) {
    const task = { stateId, pipeline: 'status', partition } as const;
    const { entries } = await store.scan(task, 'c', '0');
    const [[delivery] = []] = entries;
    if (delivery === undefined) continue;
    const hash = `m/${delivery.toString()}/0`;
    const [[field, value]] = (await store.scan(task, hash, '0')).entries as [readonly [Buffer, Buffer]];
    const message = decodeMessage(value);
    const corrupted = encodeMessage({ ...message, relay: { ...message.relay, at: message.relay.at + 1 } });
    const progress = (await store.inspect(task))!;
    await store.commit(task, {
      epoch: progress.epoch,
      sequence: progress.sequence + 1,
      expected: progress.positions,
      next: progress.positions,
      writes: [{ hash, entries: [[field, corrupted]] }],
      outbox: null,
    });
    return delivery.toString();
  }
  throw new Error('no message to corrupt');
}

describe('a rebuild', () => {
  it('builds an equal candidate beside the active generation and writes no records', async () => {
    const { there } = await running();
    const before = recordCounts(there);
    const rebuild = await rebuilt(there);
    expect(rebuild).toMatchObject({ resumed: false, candidate: { stateId: 2, generation: 0 } });
    const { done, total } = rebuild.progress();
    expect([done, total]).toEqual([total, total]);
    const found = await compared(there, rebuild);
    await during(there, rebuild.stop());
    expect(found).toMatchObject({ equal: true, settings: [], deliveries: [], messages: [] });
    expect(found.partitions.reduce((sum, each) => sum + each.messages, 0)).toBeGreaterThan(50);
    for (const { digests } of found.partitions) expect(digests.active).toBe(digests.candidate);
    expect(recordCounts(there)).toEqual(before);
    expect(await there.store.active()).toMatchObject({ stateId: 1, generation: 1 });
  });

  it('compares exactly while feedback arrives; once promoted, all figures are correct', async () => {
    const { there, rest } = await running();
    const rebuild = await rebuilt(there);
    let remaining = rest;
    const deps = await rebuildDeps(there);
    const loaded = there.store.loadAt;
    // Feedback arrives between any two reads of the comparison.
    there.store.loadAt = (task, reads) => {
      there.produce(remaining.slice(0, 3));
      remaining = remaining.slice(3);
      return loaded(task, reads);
    };
    const found = await compared(there, rebuild);
    expect(remaining.length).toBeLessThan(rest.length);
    expect(found.equal).toBe(true);
    await during(there, promote(deps, null));
    let steps = 20;
    await there.until(() => steps-- <= 0, 'the rebuild has seen the promotion');
    await expect(during(there, rebuild.caughtUp())).rejects.toMatchObject({ code: 'rebuild-taken-over' });
    await during(there, rebuild.stop());
    there.produce(remaining);
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2 });
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('that was stopped is continued at its positions by the next one', async () => {
    const { there } = await running();
    const deps = await rebuildDeps(there, 200);
    const first = await during(there, startRebuild(deps, await stateSettingsOf(there)));
    let steps = 5;
    await there.until(() => steps-- <= 0, 'some of it is folded');
    await during(there, first.stop());
    const { done, total } = first.progress();
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(total);
    const second = await during(there, startRebuild(await rebuildDeps(there), await stateSettingsOf(there)));
    expect(second.resumed).toBe(true);
    expect(second.candidate).toEqual(first.candidate);
    expect(second.progress().done).toBeGreaterThanOrEqual(done);
    await during(there, second.caughtUp());
    expect((await compared(there, second)).equal).toBe(true);
    await during(there, second.stop());
  });

  it('is taken over by one that starts later', async () => {
    const { there } = await running();
    const first = await rebuilt(there);
    const second = await rebuilt(there);
    await expect(during(there, first.caughtUp())).rejects.toMatchObject({ code: 'rebuild-taken-over' });
    expect((await compared(there, second)).equal).toBe(true);
    await during(there, second.stop());
    await during(there, first.stop());
  });

  it('is not held at positions that a batch in flight goes beyond', async () => {
    const { there, rest } = await running();
    const stall = barrier();
    const deps = await rebuildDeps(there);
    const store: typeof deps.pipeline.store = {
      ...deps.pipeline.store,
      commit: async (task, commit) => {
        const moves = task.partition === 0 && String(commit.next) !== String(commit.expected);
        if (moves) await stall.pass();
        return there.store.commit(task, commit);
      },
    };
    const starting = startRebuild(
      { ...deps, pipeline: { ...deps.pipeline, store } },
      await stateSettingsOf(there),
    );
    const rebuild = await during(there, starting);
    await during(there, rebuild.caughtUp());
    const progress = await there.store.inspect({ stateId: 2, pipeline: 'status', partition: 0 });
    stall.arm();
    there.produce(rest);
    await there.until(stall.held, 'a batch is in flight');
    const held = rebuild.holdAt(0, progress!.positions);
    setImmediate(() => stall.release());
    expect(await during(there, held)).toBe(false);
    await during(there, rebuild.stop());
  });

  it('with other settings shows what would change', async () => {
    const { there } = await running();
    const rebuild = await rebuilt(there, { defaultPolicy: 'RELAY', buckets: 3 });
    const found = await compared(there, rebuild);
    expect(found.equal).toBe(false);
    expect(found.settings).toEqual(['EFS_POLICY was efs and is now relay', 'EFS_BUCKETS was 1 and is now 3']);
    const fields = new Set(found.deliveries.flatMap((each) => each.fields.map(({ field }) => field)));
    expect(fields).toContain('takenIntoAccount');
    expect(fields).not.toContain('relayed');
    for (const { active, candidate } of found.messages)
      expect([active?.status, candidate?.status]).toEqual(['TAKEN_INTO_ACCOUNT', 'SENT']);
    await during(there, rebuild.stop());
    const other = startRebuild(await rebuildDeps(there), await stateSettingsOf(there));
    await expect(during(there, other)).rejects.toMatchObject({ code: 'candidate-unfit' });
  });

  it('with another number of buckets is equal by what it shows', async () => {
    const { there } = await running();
    const rebuild = await rebuilt(there, { buckets: 5 });
    expect((await compared(there, rebuild)).equal).toBe(true);
    await during(there, rebuild.stop());
  });

  it('with a corrupted message compares different, down to that message', async () => {
    const { there } = await running();
    const first = await rebuilt(there);
    await during(there, first.stop());
    const deliveryId = await corrupt(there, first.candidate.stateId);
    const second = await rebuilt(there);
    const found = await compared(there, second);
    await during(there, second.stop());
    expect(found.equal).toBe(false);
    expect(found.messages).toHaveLength(1);
    expect(found.messages[0]).toMatchObject({ deliveryId });
    const different = found.partitions.filter(({ digests }) => digests.active !== digests.candidate);
    expect(different).toHaveLength(1);
  });

  it('can be promoted over a generation that has lost its position, where it compares different', async () => {
    const { there, worker, rest } = await running();
    await worker.stop();
    there.produce(rest.slice(0, 100));
    const { topic } = FEEDBACK_TOPICS[1];
    there.log.raiseLow(topic, 1, there.log.watermarks(topic, 1).high);
    const { reasons } = await there.worker();
    await there.until(() => reasons.has('status/1'), 'the task has stopped');
    const rebuild = await rebuilt(there);
    const found = await compared(there, rebuild);
    expect(found.equal).toBe(false);
    expect(found.partitions.map(({ comparable }) => comparable)).toEqual([true, false, true, true]);
    await during(there, promote(await rebuildDeps(there), null));
    await during(there, rebuild.stop());
    await there.settle();
    there.produce(rest.slice(100));
    await there.settle();
    for (let partition = 0; partition < there.partitions; partition += 1) {
      const progress = await there.store.inspect({ stateId: 2, pipeline: 'status', partition });
      const ends = FEEDBACK_TOPICS.map((input) => there.log.watermarks(input.topic, partition).high);
      expect(progress?.positions).toEqual(ends);
    }
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
  });

  it('is refused where its candidate was promoted meanwhile', async () => {
    const { there } = await running();
    const { stateId } = (await promote(cutOverDeps(there), await proposed(there))).manifest;
    // The list as read before the promotion, and the manifest listed under the id that is to be proposed.
    const listed = (await there.store.list()).filter((each) => each.stateId !== stateId);
    const deps = await rebuildDeps(there);
    const store = {
      ...there.store,
      list: async () => listed,
      propose: async () => (await there.store.active())!,
    };
    const starting = startRebuild({ ...deps, store }, await stateSettingsOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'rebuild-taken-over' });
  });

  it('is refused where another process has allocated the id of its candidate', async () => {
    const { there } = await running();
    const deps = { ...(await rebuildDeps(there)), allocateStateId: async () => false };
    const starting = startRebuild(deps, await stateSettingsOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'rebuild-taken-over' });
  });

  it('is refused beside an active generation that has lost its state', async () => {
    const { there, worker } = await running();
    await worker.stop();
    for (let partition = 0; partition < there.partitions; partition += 1)
      await there.store.eraseTask({ stateId: 1, pipeline: 'status', partition });
    const starting = startRebuild(await rebuildDeps(there), await stateSettingsOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'generation-incomplete' });
  });

  it.each([
    ['candidate', async (there: World) => void (await dropGeneration(there.store, 2))],
    [
      'active generation',
      async (there: World) => {
        await promote(cutOverDeps(there), 2);
        await dropGeneration(there.store, 1);
      },
    ],
  ])('is not compared with what is left of a dropped %s', async (_, drop) => {
    const { there } = await running();
    const rebuild = await rebuilt(there);
    const loaded = there.store.loadAt;
    there.store.loadAt = async (task, reads) => {
      there.store.loadAt = loaded;
      await drop(there);
      return loaded(task, reads);
    };
    await expect(compared(there, rebuild)).rejects.toMatchObject({ code: 'rebuild-taken-over' });
    await during(there, rebuild.stop());
  });

  it('is refused where there is no active generation', async () => {
    const there = await world();
    const deps = await rebuildDeps(there);
    const settings = { defaultPolicy: 'EFS', domainGroups: 'none', buckets: 1 } as const;
    await expect(during(there, startRebuild(deps, settings))).rejects.toMatchObject({ code: 'not-found' });
  });
});
