import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { allOf, freePort, serverDir, startServer, type Server } from './child';
import { classArchive, KAFKA_VERSION, kafkaJars } from './provision';

export interface KafkaOptions {
  /** One broker, or a cluster of three that keeps its quorum when one of them dies. */
  brokers?: 1 | 3;
  /** The version of Apache Kafka; the run's default where absent. */
  version?: string;
  /** Added to server.properties, overriding the defaults; or derived from them. */
  properties?: Properties | ((all: Properties) => Properties);
  /** Added to the arguments that format the storage: `['--add-scram', …]`. */
  format?: string[];
  /** Added to the arguments of the broker's JVM. */
  jvm?: string[];
}

type Properties = Record<string, string | number>;

/** An Apache Kafka cluster. Each call goes to every broker; `nodes` are the single ones. */
export interface KafkaServer extends Omit<Server, 'pid'> {
  /** host:port of each broker. */
  brokers: string[];
  nodes: Server[];
}

interface Node {
  id: number;
  port: number;
  controllerPort: number;
  dir: string;
}

function properties(node: Node, nodes: readonly Node[], own: KafkaOptions['properties'] = {}): string {
  const all: Properties = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': nodes.map((each) => `${each.id}@127.0.0.1:${each.controllerPort}`).join(','),
    'log.dirs': join(node.dir, 'data'),
    'auto.create.topics.enable': 'false',
    'default.replication.factor': nodes.length,
    'offsets.topic.replication.factor': nodes.length,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': nodes.length,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    // A broker that was killed can return once its former session has ended.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'log.retention.hours': -1,
    'log.segment.bytes': 64 << 20,
    'log.index.size.max.bytes': 1 << 20,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
  return Object.entries({ ...all, ...(typeof own === 'function' ? own(all) : own) })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

interface Java {
  /** Their directory. */
  jars: string;
  /** The option of the JVM that uses the archive of classes, or that writes it. */
  classes: string;
}

/** A command line of Java: the same garbage collector and classes for all, which the archive of classes requires. */
const java = (jars: string, options: string[]): string[] => [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  ...options,
  '-cp',
  join(jars, '*'),
];

async function startNode(
  { jars, classes }: Java,
  clusterId: string,
  node: Node,
  { format: added = [], jvm = [] }: KafkaOptions,
): Promise<Server> {
  const file = join(node.dir, 'server.properties');
  const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', file, ...added];
  await promisify(execFile)('java', [...java(jars, ['-Xmx128m', classes]), ...format]);
  return startServer({
    name: `kafka ${node.id}`,
    command: 'java',
    args: [...java(jars, ['-Xms256m', '-Xmx512m', classes, ...jvm]), 'kafka.Kafka', file],
    dir: node.dir,
    startTimeoutMs: 180_000,
    ready: (log) => log.includes('Kafka Server started'),
  });
}

async function startNodes(java: Java, options: KafkaOptions): Promise<KafkaServer> {
  const nodes: Node[] = [];
  for (let id = 1; id <= (options.brokers ?? 1); id++) {
    nodes.push({ id, port: await freePort(), controllerPort: await freePort(), dir: serverDir('kafka') });
  }
  for (const node of nodes) {
    writeFileSync(join(node.dir, 'server.properties'), properties(node, nodes, options.properties));
  }
  const clusterId = randomBytes(16).toString('base64url');
  const started = await Promise.all(nodes.map((node) => startNode(java, clusterId, node, options)));
  return { ...allOf(started), nodes: started, brokers: nodes.map((node) => `127.0.0.1:${node.port}`) };
}

/** Starts Apache Kafka (KRaft, no auto-created topics); resolves when every broker serves. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const { version = KAFKA_VERSION } = options;
  const jars = await kafkaJars(version);
  const archive = await classArchive(`kafka-${version}`, async (classes) => {
    const server = await startNodes({ jars, classes }, {});
    await server.kill('SIGTERM');
    await server.stop();
  });
  return startNodes({ jars, classes: `-XX:SharedArchiveFile=${archive}` }, options);
}
