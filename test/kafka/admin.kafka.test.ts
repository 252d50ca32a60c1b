import type { Kafka } from 'kafkajs';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { turn, type VirtualClock, virtualClock } from '../support/clock';

type Metadata = { topics: { name: string; partitions: { leader: number }[] }[] };

const UNKNOWN_TOPIC = 3;
const led = (...leaders: number[]): Metadata => ({
  topics: [{ name: 'efs.delivery-kpi', partitions: leaders.map((leader) => ({ leader })) }],
});

/** Advances the clock in small steps, and lets pending work run between them. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await turn();
    clock.advance(100);
  }
}

describe('creating topics', () => {
  /** An admin whose broker gives these metadata answers, the last one repeatedly. */
  const adminAnswering = (answers: (Metadata | Error)[]) => {
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

  test('creation resolves once the broker knows the topic and every partition has a leader', async () => {
    const unknown = createErrorFromCode(UNKNOWN_TOPIC);
    const { clock, left, admin } = adminAnswering([unknown, led(1, -1), led(1, 1)]);
    const created = admin.create([topic]);
    await pass(clock, 1_000);
    await created;
    expect(left).toHaveLength(1);
  });

  test('creation fails with kafka-unavailable where a partition has no leader for half a minute', async () => {
    const { clock, admin } = adminAnswering([led(-1, 1)]);
    const created = admin.create([topic]);
    const failed = expect(created).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await pass(clock, 31_000);
    await failed;
  });
});
