import type { Servers } from '../../src/app/compose';
import { CONTRIBUTIONS_HASH, messagesHash, SUMS_HASH } from '../../src/store/hashes';
import { EfsError } from '../../src/base/errors';
import { DeliveryId } from '../../src/base/ids';
import type { TaskAddress } from '../../src/store/store';
import { feedback } from '../support/feedback';
import { storeOf } from '../support/faults';
import { world } from '../support/world';

const D1 = DeliveryId('d1');
const HASH = messagesHash(D1, 0);
const status: TaskAddress = { stateId: 1, pipeline: 'status', partition: 0 };
const relayedOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    feedback.relayed({ messageId: `m${from + index}`, policy: 'RELAY' }),
  );

/** A worker that has counted 20 messages of one delivery, in one partition. */
async function given(wrap?: (deps: Servers) => Servers) {
  const there = await world({ partitions: 1 });
  const worker = await there.worker(wrap);
  there.produce(relayedOf(0, 20));
  await there.settle();
  const reason = (key: string): string => worker.reasons.get(key) ?? '';
  return { there, worker, reason };
}

describe('state that Redis has evicted', () => {
  it('is reported with delivery, numbers and remedy when a hash of messages is gone, and logged once', async () => {
    const { there, worker, reason } = await given();
    await there.store.erase(status, [HASH]);
    there.produce(relayedOf(15, 10));
    await there.until(() => reason('state/0') !== '', 'an audit has found it');
    expect(reason('state/0')).toMatch(
      /^partition 0: Redis holds 5 of the 25 messages of delivery d1 \(.*efs rebuild --promote/,
    );
    await there.settle();
    const logged = worker.log.entries.filter(({ message }) => message.startsWith('state is damaged'));
    expect(logged.map(({ level, fields }) => [level, fields['partition']])).toEqual([['error', 0]]);
    await worker.stop();
    expect([...worker.reasons]).toEqual([]);
  });

  it.each<[string, boolean, (store: Servers['store']) => Servers['store']['count']]>([
    [
      'it is whole',
      false,
      (store) =>
        (...args) =>
          store.count(...args),
    ],
    [
      'the user in Redis may not count',
      true,
      () => () => Promise.reject(new EfsError('access-refused', 'Redis: NOPERM')),
    ],
  ])('is not reported where %s', async (_, isEvicted, countOf) => {
    let audits = 0;
    const { there, worker } = await given((deps) => ({
      ...deps,
      store: {
        ...storeOf(deps.store),
        count: (...args) => {
          audits += 1;
          return countOf(deps.store)(...args);
        },
      },
    }));
    if (isEvicted) await there.store.erase(status, [HASH]);
    else there.produce(relayedOf(10, 20));
    await there.until(() => audits > 0, 'an audit');
    await there.settle();
    expect([...worker.reasons]).toEqual([]);
  });

  it.each<[string, TaskAddress, string, RegExp]>([
    [
      'contributions',
      status,
      CONTRIBUTIONS_HASH,
      /Redis key …:\{1\.s\.0\}:h:m\/d1\/0: it holds messages of a delivery whose contribution is missing/,
    ],
    [
      'sums',
      { ...status, pipeline: 'kpi' },
      SUMS_HASH,
      /Redis key …:\{1\.k\.0\}:h:d\/d1: it holds contributions to a sum that is missing/,
    ],
  ])('stops the task that has lost its %s, and names the key', async (_, task, hash, expected) => {
    const { there, worker, reason } = await given();
    await worker.stop();
    await there.store.erase(task, [hash]);
    const again = await there.worker();
    there.produce(relayedOf(10, 20));
    const key = `${task.pipeline}/0`;
    await there.until(() => again.reasons.has(key), 'the task has stopped');
    expect(again.reasons.get(key)).toMatch(expected);
    expect(reason(key)).toBe('');
  });
});

describe('garbage in the state', () => {
  it.each<[string, string, string]>([
    ['a message', HASH, 'an aggregate of version 7 is stored'],
    ['a contribution', CONTRIBUTIONS_HASH, 'it holds a value that is no record of its schema'],
  ])('stops the task with the key and the remedy: %s', async (_, hash, expected) => {
    const { there, worker } = await given();
    await worker.stop();
    const garbage = (deps: Servers): Servers => ({
      ...deps,
      store: {
        ...storeOf(deps.store),
        load: async (task, reads) =>
          (await deps.store.load(task, reads)).map((values, index) =>
            reads[index]?.hash === hash ? values.map(() => Buffer.alloc(12, 0xff)) : values,
          ),
      },
    });
    const again = await there.worker(garbage);
    there.produce(relayedOf(10, 2));
    await there.until(() => again.reasons.has('status/0'), 'the task has stopped');
    expect(again.reasons.get('status/0')).toContain(`Redis key …:{1.s.0}:h:${hash}: ${expected} (see what`);
  });
});
