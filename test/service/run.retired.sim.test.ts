import { partitionOf } from '../../src/log/partitioner';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { EVICTING_HASH } from '../../src/store/hashes';
import { promote } from '../../src/generations/cutover';
import { cutOverDeps, proposed } from '../support/cutover';
import { barrier, withCommit } from '../support/faults';
import { feedback, T0 } from '../support/feedback';
import { brokenLinks, deadLetters, kpiRecords, recordsOf, statusRecords } from '../support/observe';
import { compared, during, rebuilt } from '../support/rebuilding';
import {
  DAY,
  everywhere,
  EVICTED,
  KEPT,
  kinds,
  late,
  later,
  retired,
  retiredWorld,
  sent,
  walks,
} from '../support/retention';
import { type World, world } from '../support/world';

const LATE = 'retired-delivery';

/** The last published figures of a delivery. */
const figures = (there: World, deliveryId: string) =>
  kpiRecords(there)
    .filter((each) => each.deliveryId === deliveryId)
    .at(-1);

/** A world with an old delivery, which scans have not retired yet, and a younger one. */
async function oldAndYoung(given: Parameters<typeof world>[0] = {}): Promise<World> {
  const there = await world(given);
  await there.worker();
  there.produce([...sent('old'), ...sent('young', 9, T0 + 30 * DAY)]);
  await later(there, 31 * DAY);
  return there;
}

describe('a generation whose predecessor has retired a delivery', () => {
  it('passes over the feedback that was counted, and dead-letters the late feedback again', async () => {
    const there = await retiredWorld();
    there.produce(sent('old', 2));
    await there.settle();
    const before = recordsOf(there, DEAD_LETTER_TOPIC).length;
    there.store.wipe();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    expect([kinds(there, 'old', 2), kinds(there, 'young', 2)]).toEqual([EVICTED, KEPT]);
    // The same records as before, by their origin.
    expect([deadLetters(there).size, new Set(late(there))]).toEqual([before, new Set([LATE])]);
    there.produce(sent('old', 3));
    await there.settle();
    expect(deadLetters(there).size).toBe(before + 6);
    expect(kpiRecords(there).filter(({ generation }) => generation === 2)).toEqual([]);
    expect(retired(there)).toEqual(everywhere(there, 'old'));
    expect(brokenLinks(there)).toEqual([]);
  });

  it('adopts a retirement that its predecessor has published and had no time to store', async () => {
    const there = await world({ partitions: 1 });
    const { kill } = await there.worker((deps, worker) =>
      withCommit(deps, async (_, { writes }) => {
        if (!writes.some(({ hash }) => hash === 'z')) return;
        worker.kill();
        await new Promise(() => undefined);
      }),
    );
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 1);
    expect([retired(there), kinds(there, 'old')]).toEqual([['old 0'], KEPT]);
    kill();
    there.produce(sent('old', 1));
    there.store.wipe();
    await there.worker();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    expect([kinds(there, 'old', 2), late(there)]).toEqual([EVICTED, [LATE, LATE]]);
    expect(figures(there, 'old')?.kpis).toMatchObject({ relayed: 20, sent: 20 });
    expect([retired(there), brokenLinks(there)]).toEqual([['old 0'], []]);
  });

  it.each([0, 1, 2, 3])(
    'compares equal to it where it is proposed after %i scans of the deliveries',
    async (walked) => {
      const there = await oldAndYoung();
      await walks(there, walked);
      const rebuild = await rebuilt(there);
      const found = await compared(there, rebuild);
      await during(there, rebuild.stop());
      expect(found).toMatchObject({ equal: true, deliveries: [], messages: [] });
      for (const { digests } of found.partitions) expect(digests.active).toBe(digests.candidate);
    },
  );

  it('compares equal to it where the delivery is retired after the rebuild has caught up', async () => {
    const there = await oldAndYoung();
    const rebuild = await rebuilt(there);
    await walks(there, 2);
    there.produce(sent('old', 1));
    await there.settle();
    expect([retired(there), late(there)]).toEqual([everywhere(there, 'old'), [LATE, LATE]]);
    const found = await compared(there, rebuild);
    await during(there, rebuild.stop());
    expect(found).toMatchObject({ equal: true, deliveries: [], messages: [] });
  });

  it('compares equal to it where it has adopted a retirement that its predecessor has published and not yet stored', async () => {
    const there = await world({ partitions: 1 });
    const stall = barrier();
    stall.arm();
    await there.worker((deps) =>
      withCommit(deps, async (_, { writes }) => {
        if (writes.some(({ hash }) => hash === EVICTING_HASH)) await stall.pass();
      }),
    );
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 2);
    expect(stall.held()).toBe(true);
    const rebuild = await rebuilt(there);
    expect(await compared(there, rebuild)).toMatchObject({ equal: true, deliveries: [], messages: [] });
    await during(there, rebuild.stop());
    stall.release();
  });

  it('restates no figures of a delivery of which it had only a part, where it becomes active again', async () => {
    const there = await world();
    await there.worker();
    there.produce(sent('old', 5));
    await there.settle();
    const rebuild = await rebuilt(there);
    await during(there, rebuild.stop());
    await during(there, promote(cutOverDeps(there), null));
    there.produce(sent('old', 20).slice(10));
    await later(there, 31 * DAY);
    await walks(there, 2);
    expect(retired(there)).toEqual(everywhere(there, 'old'));
    await during(there, promote(cutOverDeps(there), 1));
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 1, contributionsFrom: expect.anything() });
    expect(figures(there, 'old')?.kpis).toMatchObject({ relayed: 20, sent: 20 });
    expect(brokenLinks(there)).toEqual([]);
    await walks(there, 2);
    expect(kinds(there, 'old', 1)).toEqual(EVICTED);
    there.produce(sent('old', 1));
    await there.settle();
    expect(late(there)).toEqual([LATE, LATE]);
  });

  it.each([
    ['before', 0],
    ['after', 2],
  ])('adopts the retirement where it was proposed %s it, and is promoted', async (_, walked) => {
    const there = await oldAndYoung();
    await walks(there, walked);
    const candidate = await proposed(there);
    await walks(there, 3 - walked);
    const publishedBefore = kpiRecords(there).length;
    await promote(cutOverDeps(there), candidate);
    await there.settle();
    await walks(there, 2);
    expect(await there.store.active()).toMatchObject({ stateId: 2, contributionsFrom: expect.anything() });
    expect([kinds(there, 'old', 2), kinds(there, 'young', 2)]).toEqual([EVICTED, KEPT]);
    expect([kpiRecords(there).length, late(there)]).toEqual([publishedBefore, []]);
    there.produce([...sent('old', 1), ...sent('young', 10, T0 + 30 * DAY)]);
    await there.settle();
    expect(late(there)).toEqual([LATE, LATE]);
    expect(kpiRecords(there).at(-1)).toMatchObject({ deliveryId: 'young', generation: 2 });
    expect(retired(there)).toEqual(everywhere(there, 'old'));
    expect(brokenLinks(there)).toEqual([]);
  });
});

describe('a cut-over within minutes of a retirement', () => {
  /** Feedback on messages of `old`, each of its own message, in all partitions. */
  const more = (from: number, count = 12) =>
    Array.from({ length: count }, (_, index) =>
      feedback.relayed({ deliveryId: 'old', messageId: `more-${from + index}`, occurredAt: T0 + 31 * DAY }),
    );

  it.each([
    ['right before the scan that retires it', false, 0],
    ['in the scan that retires it', true, 0],
    ['in the scan that retires it, by a candidate that follows', true, 12],
  ])('counts or dead-letters every record, %s', async (_, isRetired, folded) => {
    const there = await oldAndYoung();
    const rebuild = await rebuilt(there);
    // The scan is due: those partitions retire it that have committed nothing of it since.
    if (isRetired) await walks(there, 1);
    there.produce(more(0));
    if (folded > 0) await there.settle();
    await during(there, rebuild.stop());
    await during(there, promote(cutOverDeps(there), rebuild.candidate.stateId));
    there.produce(more(100));
    await there.settle();
    there.produce(more(200));
    await walks(there, 1);
    const { relayed = 0 } = figures(there, 'old')?.kpis ?? {};
    expect(late(there).every((reason) => reason === LATE)).toBe(true);
    expect(relayed + late(there).length).toBe(20 + 3 * 12);
    expect(late(there).length).toBe(isRetired ? 36 : 0);
    expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2 });
    expect(brokenLinks(there)).toEqual([]);
  });

  it('counts or dead-letters every record of each partition by its own retirement', async () => {
    const there = await oldAndYoung({ partitions: 2 });
    there.produce(more(0).filter(({ messageId }) => partitionOf(Buffer.from(messageId), 2) === 0));
    const counted = more(0).filter(({ messageId }) => partitionOf(Buffer.from(messageId), 2) === 0).length;
    await walks(there, 1);
    expect(retired(there)).toEqual(['old 1']);
    const candidate = await proposed(there);
    await promote(cutOverDeps(there), candidate);
    there.produce(more(100));
    await there.settle();
    const isLate = more(100).filter(({ messageId }) => partitionOf(Buffer.from(messageId), 2) === 1).length;
    expect([counted > 0, isLate > 0]).toEqual([true, true]);
    expect(late(there)).toEqual(Array<string>(isLate).fill(LATE));
    expect(figures(there, 'old')?.kpis).toMatchObject({ relayed: 20 + counted + 12 - isLate });
    expect(brokenLinks(there)).toEqual([]);
  });

  it('restates no figures where the candidate had folded late feedback: its policy, its announced size', async () => {
    const there = await oldAndYoung();
    const rebuild = await rebuilt(there);
    await walks(there, 2);
    const before = kpiRecords(there).length;
    there.produce(
      more(0).map((each) => ({ ...each, policy: 'RELAY' as const, deliverySize: 70_000, occurredAt: T0 })),
    );
    await there.settle();
    expect(late(there)).toEqual(Array<string>(12).fill(LATE));
    await during(there, rebuild.caughtUp());
    await during(there, rebuild.stop());
    await during(there, promote(cutOverDeps(there), rebuild.candidate.stateId));
    await there.settle();
    await walks(there, 1);
    expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2 });
    expect(kpiRecords(there).slice(before)).toEqual([]);
  });

  it.each([
    ['had folded its messages', 0],
    ['had folded its messages, and late feedback on them', 3],
  ])('publishes no status of its messages again, by a candidate that %s', async (_, count) => {
    const there = await oldAndYoung({ messageStatus: 'on' });
    const rebuild = await rebuilt(there);
    await walks(there, 2);
    const bounces = Array.from({ length: count }, (__, index) =>
      feedback.hardBounced({
        deliveryId: 'old',
        messageId: `old-${index}`,
        source: 'ASYNC',
        occurredAt: T0 + 1,
      }),
    );
    there.produce(bounces);
    await there.settle();
    expect(late(there)).toEqual(Array<string>(count).fill(LATE));
    await during(there, rebuild.caughtUp());
    await during(there, rebuild.stop());
    const before = statusRecords(there).length;
    await during(there, promote(cutOverDeps(there), rebuild.candidate.stateId));
    await there.settle();
    await walks(there, 1);
    expect(await there.store.active()).toMatchObject({ stateId: 2, generation: 2 });
    const since = statusRecords(there).slice(before);
    expect(since.map(({ messageId, status }) => `${messageId} ${status}`)).toEqual([]);
  });
});
