import { systemClock } from '../../src/base/clock';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import type { TransactionalSink } from '../../src/log/sink';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { type FakeBrokers, fakeBrokers } from './fake-brokers';
import { outgoing } from '../log/sink.contract';

/** One record for each partition: broker 1 leads partition 1, broker 2 leads partition 2. */
const both = (value: string) => [outgoing(1, value), outgoing(2, value)];

const at = (offset: number) => ({ topic: 'in', partition: 1, offset, metadata: '' });

describe('a transactional sink on two brokers', () => {
  let brokers: FakeBrokers;
  const open = (): Promise<TransactionalSink> =>
    kafkaTransactionalSinks(brokers.kafka, { clock: systemClock, group: 'g' }).open('task-1');
  beforeEach(() => {
    brokers = fakeBrokers();
  });

  test('does not commit where a former leader refused records and the new leader acknowledged others', async () => {
    const sink = await open();
    expect(await sink.emit(both('a'), null)).toBe('acknowledged');
    brokers.move(2, 1);
    expect(await sink.emit(both('b'), null)).toBe('unacknowledged');
    expect([brokers.committed(1), brokers.committed(2)]).toEqual([['a'], ['a']]);
    expect(await (await open()).emit(both('b'), null)).toBe('acknowledged');
    expect([brokers.committed(1), brokers.committed(2)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test.each([
    ['a leader', 2],
    ['the coordinator, and a leader,', 1],
  ])(
    'emits without an unknown outcome where %s became unreachable before it was sent anything',
    async (_, broker) => {
      const sink = await open();
      expect(await sink.emit(both('a'), at(1))).toBe('acknowledged');
      brokers.goAway(broker);
      expect(await sink.emit(both('b'), at(2))).toBe('acknowledged');
      expect([brokers.committed(1), brokers.committed(2)]).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]);
    },
  );

  test('does not commit records that an answer omits', async () => {
    const sink = await open();
    brokers.leaveOut(2);
    expect(await sink.emit(both('a'), at(1))).toBe('unacknowledged');
    expect(brokers.committed(1)).toEqual([]);
  });

  test('stays unacknowledged after an unknown outcome', async () => {
    const sink = await open();
    brokers.leaveOut(1);
    await sink.emit(both('a'), null);
    expect(await sink.emit(both('b'), null)).toBe('unacknowledged');
    expect(brokers.committed(1)).toEqual([]);
  });

  test('is fenced by the next sink of its name, which starts each partition’s sequence at 0', async () => {
    const former = await open();
    await former.emit([outgoing(1, 'a'), outgoing(1, 'b')], null);
    await former.emit([outgoing(1, 'c')], null);
    expect(brokers.sequences(1)).toEqual([0, 2]);
    const owner = await open();
    expect(await former.emit([outgoing(1, 'late')], null)).toBe('fenced');
    expect(await owner.emit([outgoing(1, 'd')], null)).toBe('acknowledged');
    expect(brokers.sequences(1)).toEqual([0, 2, 0]);
    expect(brokers.committed(1)).toEqual(['a', 'b', 'c', 'd']);
  });
});

test('a sink rejects records that an answer omits', async () => {
  const brokers = fakeBrokers();
  const sink = kafkaSink(brokers.kafka, { clock: systemClock });
  brokers.leaveOut(1);
  await expect(sink.emit(both('a').slice(0, 1))).rejects.toMatchObject({ code: 'kafka-unavailable' });
});
