import { openCluster } from '../../src/kafka/cluster.kafka';
import { fakeBrokers } from './fake-brokers';
import { codeOf } from '../log/source.contract';

describe('a cluster', () => {
  test('watermarks fail with kafka-unavailable while the broker does not know the partition', async () => {
    const cluster = openCluster(fakeBrokers().kafka);
    expect(await codeOf(cluster.watermarks(['mta.hard-bounced'], 0))).toBe('kafka-unavailable');
  });

  test('a request that fails in flight during close fails with "the connection has been closed"', async () => {
    const cluster = openCluster(fakeBrokers().kafka);
    const asked = cluster.askCoordinator({ kind: 'group', id: 'g' }, async () => {
      await cluster.close();
      throw new TypeError('Cannot read properties of null');
    });
    await expect(asked).rejects.toMatchObject({
      code: 'kafka-unavailable',
      message: 'the connection has been closed',
    });
  });
});
