import { DELIVERY_KPI_TOPIC, RETIRED_TOPIC } from '../../src/feedback/topics';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 23;

/** What a stranger may write: no bytes, too few, and bytes of another kind. */
const STRANGE = [Buffer.alloc(0), Buffer.from([0, 0, 0]), Buffer.from('{"deliveryId":"d1"}')];

describe('records of strangers in the topics of the service', () => {
  it.each([
    ['the KPI topic', DELIVERY_KPI_TOPIC, 'd1'],
    ['the KPI topic, without a key', DELIVERY_KPI_TOPIC, null],
    ['the retired deliveries', RETIRED_TOPIC, 'd1'],
    ['the retired deliveries, without a key', RETIRED_TOPIC, null],
  ])('are counted, logged once and passed over when the state is rebuilt: %s', async (_, topic, key) => {
    const there = await world({ partitions: 2 });
    const first = await there.worker();
    there.produce(randomFeedback(SEED, 60));
    await there.settle();
    await first.stop();
    const at = there.log.watermarks(topic, 1).high;
    for (const value of STRANGE)
      there.log.append(topic, 1, { key: key === null ? null : Buffer.from(key), value });
    there.store.wipe();

    const again = await there.worker();
    await there.settle();
    there.produce(randomFeedback(SEED + 1, 60));
    await there.settle();
    expect(again.fatal).toEqual([]);
    expect([...again.reasons]).toEqual([]);
    expect((await there.store.active())?.stateId).toBe(2);
    expect(await differences(there)).toEqual([]);
    const logged = again.log.entries.filter(({ message }) => message.includes('passed over'));
    expect(logged.map(({ fields }) => fields)).toEqual([{ topic, partition: 1, offset: at }]);
  });
});
