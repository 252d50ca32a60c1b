import { Kafka, logLevel } from 'kafkajs';
import { Redis } from 'ioredis';

import { pollMs } from './child';
import { startKafka } from './kafka';
import { cli, startRedis, startRedisCluster, startRedisSentinel } from './redis';
import { describeWithServers } from './servers';

describeWithServers(['kafka', 'registry', 'redis'], 'the shared servers', (servers) => {
  it('Kafka creates a topic and lists it', async () => {
    const admin = new Kafka({ brokers: servers.kafkaBrokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const topic = `servers-test-${process.pid}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: false });
    // The broker learns of it a little later than its controller.
    while (!(await admin.listTopics()).includes(topic)) await pollMs(20);
    expect(await admin.listTopics()).toContain(topic);
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  });

  it('the registry gives a schema an id', async () => {
    const response = await fetch(`${servers.registryUrl}/subjects/servers-test-value/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: '"string"' }),
    });
    expect(await response.json()).toEqual({ id: expect.any(Number) as number });
  });

  it('Redis has the policy noeviction', async () => {
    const redis = new Redis(servers.redisUrl);
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    redis.disconnect();
  });
});

describeWithServers(['own-redis'], 'a Redis started by a test', () => {
  it('keeps its port over a restart, and its data with an append-only file', async () => {
    const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const redis = new Redis(server.url, { retryStrategy: () => 50 });
    redis.on('error', () => {});
    await redis.set('a', '1');
    await server.kill();
    await server.restart();
    expect(await redis.get('a')).toBe('1');
    redis.disconnect();
    await server.stop();
  });

  it('is a cluster of three that serves every slot', async () => {
    const cluster = await startRedisCluster();
    const node = new Redis(cluster.urls[0] ?? '');
    expect(await node.cluster('INFO')).toMatch(/cluster_slots_ok:16384/);
    node.disconnect();
    await cluster.stop();
  });

  it('is a cluster whose replica takes over from a master that was killed', async () => {
    const cluster = await startRedisCluster({ replicas: 1 });
    const replicas = cluster.nodes.slice(3);
    const masters = async (): Promise<number> =>
      (await Promise.all(replicas.map(({ port }) => cli(port, ['role'])))).filter((role) =>
        role.startsWith('master'),
      ).length;
    expect([replicas.length, await masters()]).toEqual([3, 0]);
    await cluster.nodes[0]?.kill();
    while ((await masters()) === 0) await pollMs(50);
    await cluster.stop();
  });

  it('is a primary whose sentinels make its replica the primary when it is killed', async () => {
    const { nodes, sentinels, name, stop } = await startRedisSentinel();
    const primary = async ({ port }: { port: number }): Promise<number> =>
      Number((await cli(port, ['sentinel', 'get-master-addr-by-name', name])).split('\n')[1]);
    const all = (): Promise<number[]> => Promise.all(sentinels.map(primary));
    const [first = 0, second = 0] = nodes.map(({ port }) => port);
    expect(await all()).toEqual([first, first, first]);
    await nodes[0]?.kill();
    while ((await all()).some((port) => port !== second)) await pollMs(50);
    await nodes[0]?.restart();
    // A sentinel that makes it a replica closes its connections.
    const role = (): Promise<string> => cli(first, ['role']).catch(() => '');
    while (!(await role()).startsWith('slave')) await pollMs(50);
    await stop();
  });
});

describeWithServers(['own-kafka'], 'a Kafka started by a test', () => {
  it('has three brokers and works without one of them', async () => {
    const kafka = await startKafka({ brokers: 3 });
    try {
      await kafka.nodes[0]?.kill();
      expect(await createdWithin(30_000, kafka.brokers.slice(1))).toBe(true);
    } finally {
      await kafka.stop();
    }
  });
});

/** Creates a topic, with retries until the others have noticed the dead broker. */
async function createdWithin(ms: number, brokers: string[]): Promise<boolean> {
  const topics = [{ topic: 'one', numPartitions: 2, replicationFactor: 2 }];
  for (const end = Date.now() + ms; ;) {
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    try {
      await admin.connect();
      await admin.createTopics({ topics });
      return (await admin.listTopics()).includes('one');
    } catch (error) {
      if (Date.now() > end) throw error;
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}
