import { FEEDBACK_TOPICS, CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { promote } from '../../src/generations/cutover';
import { dropGeneration } from '../../src/generations/drop';
import { startRebuild } from '../../src/generations/rebuild';
import { decodeMessage, encodeMessage } from '../../src/store/codec';
import { endsOf, proposed } from '../support/cutover';
import { barrier } from '../support/faults';
import { brokenLinks, differences, kpiRecords, recordsOf } from '../support/observe';
import { compared, during, foundationOf, rebuildEnds, rebuilt } from '../support/rebuilding';
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

/** The record by which a generation takes its name. */
const isName = ({ key }: { readonly key: Buffer | null }): boolean => /^\/\d+~/.test(String(key));

/** What every topic holds, names of generations aside. */
const heldBy = (there: World): number[] =>
  [
    ...FEEDBACK_TOPICS.map(({ topic }) => topic),
    CONTRIBUTIONS_TOPIC,
    DEAD_LETTER_TOPIC,
    'efs.delivery-kpi',
  ].map((topic) => recordsOf(there, topic).filter((record) => !isName(record)).length);

/** Changes a stored message of the candidate: what a broken fold would have left. */
async function spoil({ store, partitions }: World, generation: number): Promise<string> {
  for (let partition = 0; partition < partitions; partition += 1) {
    const task = { stateId: generation, pipeline: 'status', partition } as const;
    const { entries } = await store.scan(task, 'c', '0');
    const [[delivery] = []] = entries;
    if (delivery === undefined) continue;
    const hash = `m/${delivery.toString()}/0`;
    const [[field, value]] = (await store.scan(task, hash, '0')).entries as [readonly [Buffer, Buffer]];
    const message = decodeMessage(value);
    const spoilt = encodeMessage({ ...message, relay: { ...message.relay, at: message.relay.at + 1 } });
    const standing = (await store.inspect(task))!;
    await store.commit(task, {
      epoch: standing.epoch,
      sequence: standing.sequence + 1,
      expected: standing.positions,
      next: standing.positions,
      writes: [{ hash, entries: [[field, spoilt]] }],
      outbox: null,
    });
    return delivery.toString();
  }
  throw new Error('nothing to spoil');
}

describe('a rebuild', () => {
  it('builds the same beside the active generation, and leaves nothing behind but that', async () => {
    const { there } = await running();
    const before = heldBy(there);
    const rebuild = await rebuilt(there);
    expect(rebuild).toMatchObject({ resumed: false, candidate: { stateId: 2, generation: 0 } });
    const { done, total } = rebuild.progress();
    expect([done, total]).toEqual([total, total]);
    const found = await compared(there, rebuild);
    await during(there, rebuild.stop());
    expect(found).toMatchObject({ equal: true, settings: [], deliveries: [], messages: [] });
    expect(found.partitions.reduce((sum, each) => sum + each.messages, 0)).toBeGreaterThan(50);
    for (const { digests } of found.partitions) expect(digests.active).toBe(digests.candidate);
    expect(heldBy(there)).toEqual(before);
    expect(await there.store.active()).toMatchObject({ stateId: 1, generation: 1 });
  });

  it('is compared exactly while feedback goes on, then takes over, and no figure was false', async () => {
    const { there, rest } = await running();
    const rebuild = await rebuilt(there);
    const timer = { left: rest };
    const deps = await rebuildEnds(there);
    const loaded = there.store.loadAt;
    // Feedback comes between any two reads of the comparison.
    there.store.loadAt = (task, reads) => {
      there.produce(timer.left.slice(0, 3));
      timer.left = timer.left.slice(3);
      return loaded(task, reads);
    };
    const found = await compared(there, rebuild);
    expect(timer.left.length).toBeLessThan(rest.length);
    expect(found.equal).toBe(true);
    await during(there, promote(deps, null));
    let steps = 20;
    await there.until(() => steps-- <= 0, 'it has noticed');
    await expect(during(there, rebuild.caughtUp())).rejects.toMatchObject({ code: 'rebuild-taken-over' });
    await during(there, rebuild.stop());
    there.produce(timer.left);
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2 });
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('that was killed goes on where it stood', async () => {
    const { there } = await running();
    const deps = await rebuildEnds(there, 200);
    const first = await during(there, startRebuild(deps, await foundationOf(there)));
    let steps = 5;
    await there.until(() => steps-- <= 0, 'some of it is folded');
    await during(there, first.stop());
    const { done, total } = first.progress();
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(total);
    const second = await during(there, startRebuild(await rebuildEnds(there), await foundationOf(there)));
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

  it('is not held at positions that a batch under way goes beyond', async () => {
    const { there, rest } = await running();
    const stall = barrier();
    const deps = await rebuildEnds(there);
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
      await foundationOf(there),
    );
    const rebuild = await during(there, starting);
    await during(there, rebuild.caughtUp());
    const standing = await there.store.inspect({ stateId: 2, pipeline: 'status', partition: 0 });
    stall.arm();
    there.produce(rest);
    await there.until(stall.held, 'a batch is under way');
    const held = rebuild.holdAt(0, standing!.positions);
    setImmediate(() => stall.release());
    expect(await during(there, held)).toBe(false);
    await during(there, rebuild.stop());
  });

  it('with other settings shows what would change', async () => {
    const { there } = await running();
    const rebuild = await rebuilt(there, { defaultPolicy: 'RELAY', buckets: 3 });
    const found = await compared(there, rebuild);
    expect(found.equal).toBe(false);
    expect(found.settings).toEqual(['defaultPolicy was EFS and is now RELAY', 'buckets was 1 and is now 3']);
    const fields = new Set(found.deliveries.flatMap((each) => each.fields.map(({ field }) => field)));
    expect(fields).toContain('takenIntoAccount');
    expect(fields).not.toContain('relayed');
    for (const { active, candidate } of found.messages)
      expect([active?.status, candidate?.status]).toEqual(['TAKEN_INTO_ACCOUNT', 'SENT']);
    await during(there, rebuild.stop());
    const other = startRebuild(await rebuildEnds(there), await foundationOf(there));
    await expect(during(there, other)).rejects.toMatchObject({ code: 'candidate-unfit' });
  });

  it('with other buckets only is equal by what is shown', async () => {
    const { there } = await running();
    const rebuild = await rebuilt(there, { buckets: 5 });
    expect((await compared(there, rebuild)).equal).toBe(true);
    await during(there, rebuild.stop());
  });

  it('that came out otherwise is found out, down to the message', async () => {
    const { there } = await running();
    const first = await rebuilt(there);
    await during(there, first.stop());
    const deliveryId = await spoil(there, first.candidate.stateId);
    const second = await rebuilt(there);
    const found = await compared(there, second);
    await during(there, second.stop());
    expect(found.equal).toBe(false);
    expect(found.messages).toHaveLength(1);
    expect(found.messages[0]).toMatchObject({ deliveryId });
    const apart = found.partitions.filter(({ digests }) => digests.active !== digests.candidate);
    expect(apart).toHaveLength(1);
  });

  it('takes over from a generation that has lost its position, where its differences are accepted', async () => {
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
    await during(there, promote(await rebuildEnds(there), null));
    await during(there, rebuild.stop());
    await there.settle();
    there.produce(rest.slice(100));
    await there.settle();
    for (let partition = 0; partition < there.partitions; partition += 1) {
      const standing = await there.store.inspect({ stateId: 2, pipeline: 'status', partition });
      const deps = FEEDBACK_TOPICS.map((input) => there.log.watermarks(input.topic, partition).high);
      expect(standing?.positions).toEqual(deps);
    }
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
  });

  it('does not take what was promoted meanwhile for its candidate', async () => {
    const { there } = await running();
    const { stateId } = (await promote(endsOf(there), await proposed(there))).manifest;
    // As the list was read before, and what is listed under the name that was to be proposed.
    const listed = (await there.store.list()).filter((each) => each.stateId !== stateId);
    const deps = await rebuildEnds(there);
    const store = {
      ...there.store,
      list: async () => listed,
      propose: async () => (await there.store.active())!,
    };
    const starting = startRebuild({ ...deps, store }, await foundationOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'rebuild-taken-over' });
  });

  it('says so where somebody else has taken the name for its candidate', async () => {
    const { there } = await running();
    const deps = { ...(await rebuildEnds(there)), allocateGeneration: async () => false };
    const starting = startRebuild(deps, await foundationOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'rebuild-taken-over' });
  });

  it('does not run ahead of an active generation that has lost its state', async () => {
    const { there, worker } = await running();
    await worker.stop();
    for (let partition = 0; partition < there.partitions; partition += 1)
      await there.store.eraseTask({ stateId: 1, pipeline: 'status', partition });
    const starting = startRebuild(await rebuildEnds(there), await foundationOf(there));
    await expect(during(there, starting)).rejects.toMatchObject({ code: 'generation-incomplete' });
  });

  it.each([
    ['candidate', async (there: World) => void (await dropGeneration(there.store, 2))],
    [
      'active generation',
      async (there: World) => {
        await promote(endsOf(there), 2);
        await dropGeneration(there.store, 1);
      },
    ],
  ])('is not compared with what is left of a %s that somebody drops', async (_, drop) => {
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

  it('has nothing to build beside where the service has not run', async () => {
    const there = await world();
    const deps = await rebuildEnds(there);
    const settings = { defaultPolicy: 'EFS', domainGroups: 'none', buckets: 1 } as const;
    await expect(during(there, startRebuild(deps, settings))).rejects.toMatchObject({ code: 'not-found' });
  });
});
