import type { Servers } from '../../src/app/compose';
import { RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import { RANK } from '../../src/status/message';
import { decodeMessage } from '../../src/store/codec';
import { feedback, type Feedback, HOUR, T0 } from '../support/feedback';
import { killedAtEmit, withCommit, withEmit } from '../support/faults';
import { brokenLinks, differences, recordsOf, recountWorld } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { type Killable, world, type World } from '../support/world';

const { relayed, softBounced, delivered, retry } = feedback;
/** Longer than every validity period and the grace after it. */
const LONG_AFTER = 4 * 24 * HOUR;

const unanswered = (count: number, policy: 'EFS' | 'RELAY' | null = null): Feedback[] =>
  Array.from({ length: count }, (_, index) => relayed({ messageId: `unanswered-${index}`, policy }));

const statuses = (there: World): string[] =>
  [...recountWorld(there).messages.values()].map(({ status }) => status).sort();

const expiries = (there: World): string[] =>
  recordsOf(there, RETRY_OUTCOME_TOPIC)
    .filter(({ value }) => value!.toString('latin1').includes('expiry/'))
    .map(({ key }) => key!.toString())
    .sort();

async function later(there: World, ms: number): Promise<void> {
  there.clock.advance(ms);
  await there.settle();
}

/** A worker crashes at the nth of some steps once messages are due; in the end a second one has expired all of them. */
async function expectExpiredAfterCrash(
  faulty: (deps: Servers, worker: Killable, crashesNow: () => boolean) => Servers,
  nth: number,
): Promise<void> {
  const there = await world({ partitions: 2 });
  let left = nth;
  let armed = false;
  await there.worker((deps, worker) => faulty(deps, worker, () => armed && left-- <= 0));
  there.produce(unanswered(25));
  await there.settle();
  armed = true;
  await later(there, LONG_AFTER);
  await there.worker();
  await there.settle();
  expect(new Set(expiries(there)).size).toBe(25);
  expect(statuses(there)).toEqual(Array<string>(25).fill('FAILED'));
  expect(await differences(there)).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

describe('the end of a validity period', () => {
  it('fails every message of policy EFS without an outcome', async () => {
    const there = await world();
    await there.worker();
    there.produce([
      ...unanswered(30),
      relayed({ messageId: 'answered' }),
      delivered({ messageId: 'answered' }),
    ]);
    await there.settle();
    expect(expiries(there)).toEqual([]);
    await later(there, LONG_AFTER);
    expect(statuses(there)).toEqual([...Array<string>(30).fill('FAILED'), 'SENT']);
    const [delivery] = recountWorld(there).deliveries.values();
    expect(delivery?.kpis).toMatchObject({ relayed: 31, sent: 1, failed: 30, failedByExpiry: 30 });
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('fails a message of policy RELAY only where it has soft-bounced', async () => {
    const there = await world({ policy: 'relay' });
    await there.worker();
    there.produce([...unanswered(3), relayed({ messageId: 'soft' }), softBounced({ messageId: 'soft' })]);
    await later(there, LONG_AFTER);
    expect(expiries(there)).toEqual(['soft']);
    expect(await differences(there)).toEqual([]);
  });

  it('is the message’s own, followed by the grace', async () => {
    const there = await world({ partitions: 1 });
    await there.worker();
    there.produce([
      relayed({ messageId: 'short', validityPeriodMs: 5 * HOUR }),
      relayed({ messageId: 'long' }),
    ]);
    await there.settle();
    const relayIsOver = T0 - there.clock.now();
    await later(there, relayIsOver + 6 * HOUR - 60_000);
    expect(expiries(there)).toEqual([]);
    await later(there, 2 * 60_000);
    expect(expiries(there)).toEqual(['short']);
    await later(there, LONG_AFTER);
    expect(expiries(there)).toEqual(['long', 'short']);
  });

  it('produces one expiry per message, whatever else is folded meanwhile', async () => {
    const there = await world();
    await there.worker();
    there.produce(unanswered(20));
    await later(there, LONG_AFTER);
    there.produce(randomFeedback(3, 100));
    await later(there, HOUR);
    const expired = expiries(there).filter((id) => id.startsWith('unanswered'));
    expect(expired).toEqual([...new Set(expired)]);
    expect(await differences(there)).toEqual([]);
  });

  it('is overridden by an outcome that arrives late', async () => {
    const there = await world();
    await there.worker();
    there.produce([relayed(), softBounced()]);
    await later(there, LONG_AFTER);
    expect(statuses(there)).toEqual(['FAILED']);
    there.produce([retry({ occurredAt: T0 + HOUR })]);
    await there.settle();
    expect(statuses(there)).toEqual(['SENT']);
    expect(await differences(there)).toEqual([]);
  });
});

describe('the expiry timer', () => {
  it('is off with EFS_EXPIRY=off', async () => {
    const there = await world({ expiry: 'off' });
    await there.worker();
    there.produce(unanswered(5));
    await later(there, LONG_AFTER);
    expect(expiries(there)).toEqual([]);
  });

  it('expires messages that a former owner has folded', async () => {
    const there = await world();
    const first = await there.worker();
    there.produce(unanswered(10));
    await there.settle();
    await first.stop();
    await there.worker();
    await later(there, LONG_AFTER);
    expect(expiries(there)).toHaveLength(10);
  });

  it('expires nothing while the task lags: the outcome may be in the backlog', async () => {
    const there = await world({ partitions: 1, batchMax: 1 });
    const first = await there.worker();
    there.produce(unanswered(3));
    await there.settle();
    await first.stop();
    there.produce(unanswered(3).map(({ messageId }) => delivered({ messageId })));
    there.clock.advance(LONG_AFTER);
    await there.worker();
    await there.settle();
    expect(expiries(there)).toEqual([]);
    expect(statuses(there)).toEqual(['SENT', 'SENT', 'SENT']);
  });

  it.each([0, 1, 2, 3, 4, 5])('expires every message where its worker crashes at emission number %i', (nth) =>
    expectExpiredAfterCrash((deps, worker, crashesNow) => killedAtEmit(deps, worker, crashesNow), nth),
  );

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'expires every message where its worker crashes at commit number %i',
    (nth) =>
      expectExpiredAfterCrash(
        (deps, worker, crashesNow) =>
          withCommit(deps, async () => {
            if (!crashesNow()) return;
            worker.kill();
            await new Promise(() => undefined);
          }),
        nth,
      ),
  );

  it('leaves a state that a replay from the topics reproduces', async () => {
    const there = await world();
    await there.worker();
    there.produce([...unanswered(12), ...randomFeedback(11, 120)]);
    await later(there, LONG_AFTER);
    const inferred = async (): Promise<number> => {
      const manifest = (await there.store.active())!;
      let count = 0;
      for (let partition = 0; partition < there.partitions; partition += 1) {
        const task = { stateId: manifest.stateId, pipeline: 'status' as const, partition };
        const { entries } = await there.store.scan(task, 'm/d1/0', '0');
        count += entries.filter(([, value]) => decodeMessage(value).outcome?.rank === RANK.INFERRED).length;
      }
      return count;
    };
    const before = await inferred();
    expect(before).toBeGreaterThan(12);
    const timer = expiries(there).length;
    there.store.wipe();
    await there.settle();
    expect(await inferred()).toBe(before);
    expect(expiries(there)).toHaveLength(timer);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('emits its expiries once, before anything that follows from them', async () => {
    const there = await world({ partitions: 1 });
    const order: string[] = [];
    await there.worker((deps) =>
      withEmit(deps, async (records) => {
        for (const { topic } of records) if (order.at(-1) !== topic) order.push(topic);
      }),
    );
    there.produce(unanswered(3));
    await there.settle();
    order.length = 0;
    await later(there, LONG_AFTER);
    expect(order[0]).toBe(RETRY_OUTCOME_TOPIC);
    expect(order.filter((topic) => topic === RETRY_OUTCOME_TOPIC)).toHaveLength(1);
  });
});
