import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { allOf, freePort, serverDir, startServer, type Server } from './child';
import { cached, classArchive, KAFKA_VERSION, kafkaJars } from './provision';

export interface KafkaOptions {
  /** One broker, or a cluster of three that keeps its quorum when one of them dies. */
  brokers?: 1 | 3;
  /** The version of Apache Kafka; the run's default where absent. */
  version?: string;
  /** Added to server.properties, overriding the defaults; or derived from them. */
  properties?: Properties | ((all: Properties) => Properties);
  /** Added to the arguments that format the storage: `['--add-scram', …]`. They alone say what it holds, not `properties`. */
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
    // Of the default of 128 MB a broker writes every byte as it starts.
    'log.cleaner.dedupe.buffer.size': 2 << 20,
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

const newId = (): string => randomBytes(16).toString('base64url');

/**
 * The first records of a cluster, such as its metadata version and its users: a file that Kafka's own tool writes. It is the
 * same for all clusters of a version and of these arguments, so it is kept under both: the tool costs half of what a broker's
 * start does.
 */
async function firstRecords(version: string, added: readonly string[]): Promise<string> {
  const jars = await kafkaJars(version);
  const name = `kafka-${version}-storage-${createHash('sha256').update(JSON.stringify(added)).digest('hex').slice(0, 12)}`;
  const dir = await cached(name, async (draft) => {
    const file = join(draft, 'server.properties');
    const node = { id: 1, port: 1, controllerPort: 2, dir: draft };
    writeFileSync(file, properties(node, [node]));
    const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${newId()}`, '-c', file, ...added];
    await promisify(execFile)('java', [...java(jars, ['-Xmx128m']), ...format]);
  });
  return join(dir, 'data', 'bootstrap.checkpoint');
}

/** Writes what `kafka.tools.StorageTool format` writes. */
function formatStorage(node: Node, clusterId: string, records: string): void {
  const data = join(node.dir, 'data');
  mkdirSync(data);
  const ids = { version: 1, 'cluster.id': clusterId, 'node.id': node.id, 'directory.id': newId() };
  const lines = Object.entries(ids).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(data, 'meta.properties'), lines.join(''));
  copyFileSync(records, join(data, 'bootstrap.checkpoint'));
}

function startNode({ jars, classes }: Java, node: Node, jvm: readonly string[]): Promise<Server> {
  return startServer({
    name: `kafka ${node.id}`,
    command: 'java',
    args: [
      ...java(jars, ['-Xms256m', '-Xmx512m', classes, ...jvm]),
      'kafka.Kafka',
      join(node.dir, 'server.properties'),
    ],
    dir: node.dir,
    startTimeoutMs: 180_000,
    ready: (log) => log.includes('Kafka Server started'),
  });
}

async function startNodes(java: Java, options: KafkaOptions): Promise<KafkaServer> {
  const { version = KAFKA_VERSION, format = [], jvm = [] } = options;
  const records = await firstRecords(version, format);
  const nodes: Node[] = [];
  for (let id = 1; id <= (options.brokers ?? 1); id++) {
    nodes.push({ id, port: await freePort(), controllerPort: await freePort(), dir: serverDir('kafka') });
  }
  const clusterId = newId();
  for (const node of nodes) {
    writeFileSync(join(node.dir, 'server.properties'), properties(node, nodes, options.properties));
    formatStorage(node, clusterId, records);
  }
  const started = await Promise.all(nodes.map((node) => startNode(java, node, jvm)));
  return { ...allOf(started), nodes: started, brokers: nodes.map((node) => `127.0.0.1:${node.port}`) };
}

/** Starts Apache Kafka (KRaft, no auto-created topics); resolves when every broker serves. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const { version = KAFKA_VERSION } = options;
  const jars = await kafkaJars(version);
  const archive = await classArchive(`kafka-${version}`, async (classes) => {
    const server = await startNodes({ jars, classes }, { version });
    await server.kill('SIGTERM');
    await server.stop();
  });
  return startNodes({ jars, classes: `-XX:SharedArchiveFile=${archive}` }, options);
}
