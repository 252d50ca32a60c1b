import { MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { Snapshot } from '../../src/store/store.memory';
import { feedback, T0 } from '../support/feedback';
import { brokenLinks, differences, kpiRecords, recordsOf, statusRecords } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const { delivered, hardBounced, relayed, softBounced } = feedback;
const SEED = 5;

/** The statuses of the message, in the order in which they were published. */
const statuses = (there: World) =>
  statusRecords(there).map(({ status, reason, previousStatus }) => [previousStatus, status, reason]);

/** A world in which a message was relayed and bounced softly; the snapshot is from before the second commit. */
async function bouncedSoftly(): Promise<{ there: World; older: Snapshot; stop: () => Promise<void> }> {
  const there = await world({ partitions: 1, policy: 'relay', messageStatus: 'on' });
  const { stop } = await there.worker();
  there.produce([relayed()]);
  await there.settle();
  const older = there.store.snapshot();
  there.produce([softBounced({ occurredAt: T0 + 1 })]);
  await there.settle();
  expect(statuses(there)).toHaveLength(2);
  return { there, older, stop };
}

describe('a status task that publishes statuses, behind its publish checkpoint', () => {
  it.each([
    ['while it is down', true],
    ['while it runs', false],
  ])('publishes the change since, where the store came back one commit older %s', async (_, isDown) => {
    const { there, older, stop } = await bouncedSoftly();
    const before = statuses(there);
    if (isDown) await stop();
    there.store.restore(older);
    there.produce([delivered({ occurredAt: T0 + 2 })]);
    if (isDown) await there.worker();
    await there.settle();
    // Without the soft bounce in between, the message would be sent before and after.
    expect(statuses(there).slice(0, 2)).toEqual(before);
    expect(statuses(there)).toHaveLength(3);
    expect(statuses(there).at(-1)?.slice(1)).toEqual(['SENT', null]);
    expect(await differences(there)).toEqual([]);
  });

  it('publishes nothing again, where nothing has come since', async () => {
    const { there, older } = await bouncedSoftly();
    const before = recordsOf(there, MESSAGE_STATUS_TOPIC).length;
    there.store.restore(older);
    await there.settle();
    expect(recordsOf(there, MESSAGE_STATUS_TOPIC)).toHaveLength(before);
    there.produce([hardBounced({ occurredAt: T0 + 3 })]);
    await there.settle();
    expect(statuses(there)).toHaveLength(before + 1);
    expect(statuses(there).at(-1)?.[1]).toBe('FAILED');
  });

  it.each([1, 5, 40])(
    'stops its replay at exactly the checkpoint, by all its topics: with batches of %i no record is repeated or left out',
    async (batchMax) => {
      const all = randomFeedback(SEED, 400);
      const last = async (isRestored: boolean) => {
        const there = await world({ partitions: 2, messageStatus: 'on', batchMax });
        const { stop } = await there.worker();
        there.produce(all.slice(0, 100));
        await there.settle();
        const older = there.store.snapshot();
        there.produce(all.slice(100, 250));
        await there.settle();
        const published = statusRecords(there).length;
        await stop();
        if (isRestored) there.store.restore(older);
        there.produce(all.slice(250));
        await there.worker();
        await there.settle();
        expect(await differences(there)).toEqual([]);
        expect(brokenLinks(there)).toEqual([]);
        expect(kpiRecords(there).every(({ generation }) => generation === 1)).toBe(true);
        const latest = new Map<string, unknown>();
        const since = statusRecords(there).slice(published);
        for (const each of statusRecords(there))
          latest.set(`${each.deliveryId}/${each.messageId}`, [each.status, each.reason, each.failureType]);
        return {
          latest,
          since: since.map(({ deliveryId, messageId }) => `${deliveryId}/${messageId}`).sort(),
        };
      };
      const [usual, restored] = [await last(false), await last(true)];
      expect(restored.latest).toEqual(usual.latest);
      expect(new Set(restored.since)).toEqual(new Set(usual.since));
      expect(restored.since.length).toBeGreaterThan(10);
    },
  );

  it('publishes all statuses again, where another state has published: it is apart from the checkpoint', async () => {
    const { there, stop } = await bouncedSoftly();
    await stop();
    // As if the service had been run on another store meanwhile.
    const { offset, metadata } = there.log.committed('efs-kpi', 'mta.relayed', 0)!;
    expect(metadata).toMatch(/^1\/\d+\/[\d,]+$/);
    there.log.commit('efs-kpi', 'mta.relayed', 0, { offset, metadata: metadata.replace(/^1/, '7') });
    const before = statuses(there);
    await there.worker();
    await there.settle();
    const again = statuses(there).slice(before.length);
    expect(again).toHaveLength(1);
    expect(again[0]?.slice(1)).toEqual(before.at(-1)?.slice(1));
    expect(there.log.committed('efs-kpi', 'mta.relayed', 0)?.metadata).toMatch(/^1\//);
    there.produce([delivered({ occurredAt: T0 + 2 })]);
    await there.settle();
    expect(statuses(there).at(-1)?.[1]).toBe('SENT');
  });
});

it('a status task that publishes no statuses commits a checkpoint at its claim, which proves its sink, and no other', async () => {
  const there = await world({ partitions: 1, messageStatus: 'off' });
  await there.worker();
  await there.settle();
  const atClaim = there.log.committed('efs-kpi', 'mta.relayed', 0);
  expect(atClaim?.offset).toBe(0);
  there.produce([relayed()]);
  await there.settle();
  expect(there.log.committed('efs-kpi', 'mta.relayed', 0)).toEqual(atClaim);
});
