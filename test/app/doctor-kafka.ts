import { type Admin, ConfigResourceTypes, type Kafka } from 'kafkajs';
import { workerAcls } from '../security/rights';
import { freePort, pollMs } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';

type Acl = ReturnType<typeof workerAcls>[number];

/** Of every user of Kafka. */
export const PASSWORD = 'password';

/** Users of Kafka, and the right of a worker that each lacks. */
const USERS: Readonly<Record<string, (acl: Acl) => boolean>> = {
  worker: () => false,
  writeless: ({ resourceName, operation }) => resourceName === 'efs.delivery-kpi' && operation === 4,
  groupless: ({ resourceName, operation }) => resourceName === 'efs-kpi' && operation === 3,
  unfenced: ({ resourceName, operation }) => resourceName === 'efs-kpi-' && operation === 4,
};

/** Kafka that lets anyone do anything without a log-in, and the users above what their access lists say. */
export async function kafkaWithUsers(): Promise<{ kafka: KafkaServer; login: string }> {
  const port = await freePort();
  const users = Object.keys(USERS).map((user) => ` user_${user}="${PASSWORD}"`);
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const kafka = await startKafka({
    properties: (all) => ({
      listeners: `${all['listeners']},LOGIN://127.0.0.1:${port}`,
      'advertised.listeners': `${all['advertised.listeners']},LOGIN://127.0.0.1:${port}`,
      'listener.security.protocol.map': `${all['listener.security.protocol.map']},LOGIN:SASL_PLAINTEXT`,
      'inter.broker.listener.name': 'PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.login.plain.sasl.jaas.config': `${module}${users.join('')};`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    }),
  });
  return { kafka, login: `127.0.0.1:${port}` };
}

/** The documented rights of a worker for each user, but for the one that the user lacks; names with the prefix. */
export const aclsOf = (prefix: string): Acl[] =>
  Object.entries(USERS).flatMap(([user, lacks]) =>
    workerAcls(`User:${user}`)
      .filter((acl) => !lacks(acl))
      .map((acl) => ({ ...acl, resourceName: prefix + acl.resourceName })),
  );

/** Joins a group as a program that reads another topic. */
export async function joinAsStranger(
  client: Kafka,
  groupId: string,
): Promise<{ undo: () => Promise<unknown> }> {
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'another', numPartitions: 1 }] });
  await admin.disconnect();
  const consumer = client.consumer({ groupId, sessionTimeout: 6_000 });
  await consumer.connect();
  await consumer.subscribe({ topic: 'another' });
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
  await consumer.run({ eachMessage: async () => undefined });
  await joined;
  return { undo: () => consumer.disconnect() };
}

/** The topics of a prefix under another one, one of them with two partitions, which cannot be taken away again. */
export async function copyUneven(admin: Admin, prefix: string): Promise<{ changed: Record<string, string> }> {
  const other = `uneven-${prefix}`;
  const names = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
  const topics = names.map((name) => ({
    topic: other + name.slice(prefix.length),
    numPartitions: name.endsWith('efs.delivery-kpi') ? 2 : 1,
  }));
  await admin.createTopics({ topics, waitForLeaders: false });
  // A broker answers a moment later that they exist.
  await pollMs(500);
  return { changed: { EFS_TOPIC_PREFIX: other } };
}

/** Replaces the configuration of a topic. */
export const configure = (
  admin: Admin,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<unknown> =>
  admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name,
        configEntries: Object.entries(config).map(([entry, value]) => ({ name: entry, value })),
      },
    ],
  });

export const putJson = (url: string, body: object): Promise<unknown> =>
  fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
