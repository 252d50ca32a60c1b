import { KafkaJSConnectionError, KafkaJSProtocolError } from 'kafkajs';
import { type EfsError } from '../../src/base/errors';
import { kafkaFailure, refusalOf } from '../../src/kafka/failure.kafka';

const lost = new KafkaJSConnectionError('Connection error: refused', { broker: 'kafka-2:9092' });
const refused = new KafkaJSProtocolError({
  message: 'not the coordinator',
  type: 'NOT_COORDINATOR_FOR_GROUP',
} as never);

describe('a failure of Kafka', () => {
  test('it names the broker that does not answer, by id and address', () => {
    const failure = kafkaFailure(lost, 2) as EfsError;
    expect([failure.code, failure.server]).toEqual(['kafka-unavailable', 'broker 2 (kafka-2:9092)']);
    expect(failure.message).toBe('broker 2 (kafka-2:9092): Connection error: refused');
  });

  test('it names no broker that answered, and none for a failed bootstrap connection', () => {
    expect((kafkaFailure(refused, 2) as EfsError).server).toBeNull();
    expect((kafkaFailure(lost) as EfsError).server).toBeNull();
  });

  test('it has a refusal only where a broker answered with one', () => {
    expect(refusalOf(kafkaFailure(refused, 2))?.type).toBe('NOT_COORDINATOR_FOR_GROUP');
    expect(refusalOf(kafkaFailure(lost, 2))).toBeNull();
  });
});
