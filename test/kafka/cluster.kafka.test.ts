import { openCluster } from '../../src/kafka/cluster.kafka';
import { fakeBrokers } from './fake-brokers';
import { codeOf } from '../log/source.contract';

describe('a wire', () => {
  test('waits for a partition of which a broker has not heard yet', async () => {
    const wire = openCluster(fakeBrokers().kafka);
    expect(await codeOf(wire.watermarks(['mta.hard-bounced'], 0))).toBe('kafka-unavailable');
  });

  test('calls whatever fails under way closed, once it is', async () => {
    const wire = openCluster(fakeBrokers().kafka);
    const asked = wire.askCoordinator({ kind: 'group', id: 'g' }, async () => {
      await wire.close();
      throw new TypeError('Cannot read properties of null');
    });
    await expect(asked).rejects.toMatchObject({
      code: 'kafka-unavailable',
      message: 'the connection has been closed',
    });
  });
});
