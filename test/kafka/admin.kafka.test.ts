import type { Kafka } from 'kafkajs';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { protocolError } from '../../src/kafka/failure.kafka';
import { turn, type VirtualClock, virtualClock } from '../support/clock';

type Metadata = { topics: { name: string; partitions: { leader: number }[] }[] };

const UNKNOWN_TOPIC = 3;
const led = (...leaders: number[]): Metadata => ({
  topics: [{ name: 'efs.delivery-kpi', partitions: leaders.map((leader) => ({ leader })) }],
});

/** Lets time pass in small steps, and everything happen between them. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await turn();
    clock.advance(100);
  }
}

describe('a topic that is being made', () => {
  /** Its administration, at a broker that hears of the topic by and by. */
  const adminWhere = (answers: (Metadata | Error)[]) => {
    const clock = virtualClock();
    const left = [...answers];
    const admin = {
      connect: async () => undefined,
      createTopics: async () => true,
      fetchTopicMetadata: async () => {
        const answer = left.length > 1 ? left.shift() : left[0];
        if (answer instanceof Error) throw answer;
        return answer;
      },
    };
    return { clock, left, admin: kafkaTopicAdmin({ admin: () => admin } as unknown as Kafka, clock) };
  };
  const topic = { name: 'efs.delivery-kpi', partitions: 2, replicationFactor: 1, config: {} };

  test('is waited for until the broker has heard of it and every partition has a leader', async () => {
    const unheard = protocolError(UNKNOWN_TOPIC);
    const { clock, left, admin } = adminWhere([unheard, led(1, -1), led(1, 1)]);
    const made = admin.create([topic]);
    await pass(clock, 1_000);
    await made;
    expect(left).toHaveLength(1);
  });

  test('is an outage where it has no leader for half a minute', async () => {
    const { clock, admin } = adminWhere([led(-1, 1)]);
    const made = admin.create([topic]);
    const failed = expect(made).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await pass(clock, 31_000);
    await failed;
  });
});
