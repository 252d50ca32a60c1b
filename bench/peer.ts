import { join } from 'node:path';
import Redis from 'ioredis';
import { DELIVERY_KPI_TOPIC } from '../src/feedback/topics';
import { jarsOf } from '../test/servers/provision';
import { runProgram } from './efs';
import { cpuSeconds } from './processes';
import { inputTopics, type World } from './world';

/** Another program that reads the same topics. */
export interface Peer {
  readonly name: string;
  /** The delivery guarantee of its figures. */
  readonly guarantee: string;
  command(): Promise<readonly [string, ...string[]]>;
}

/** The cost of a program: CPU in microseconds per feedback record. */
export interface PeerRun {
  readonly rate: number;
  readonly own: number;
  readonly kafka: number;
  readonly redis: number;
  readonly rss: number;
}

const peerFile = (...names: string[]): string => join(__dirname, 'peers', ...names);

export const CONSUME_ONLY: Peer = {
  name: 'kafkajs that only consumes',
  guarantee: 'nothing',
  command: async () => [process.execPath, peerFile('consume-only.mjs')],
};

export const BATCHED: Peer = {
  name: 'kafkajs in batches, pipelined Redis',
  guarantee: 'nothing',
  command: async () => [process.execPath, peerFile('batched.mjs')],
};

export const STREAMS: Peer = {
  name: 'Kafka Streams, exactly_once_v2',
  guarantee: 'exactly once',
  command: async () => {
    const jars = await jarsOf('bench-streams-4.1.1', peerFile('streams', 'pom.xml'));
    return ['java', '-Xmx1g', '-cp', join(jars, '*'), peerFile('streams', 'Streams.java')];
  },
};

/** Runs a peer on the topics under a prefix to their end, with an empty Redis. */
export async function runPeer(world: World, prefix: string, peer: Peer, records: number): Promise<PeerRun> {
  const { kafka, redis } = world.pids;
  const settings = world.settings(prefix);
  await emptied(world);
  const [command, ...args] = await peer.command();
  const before = { kafka: cpuSeconds(kafka), redis: cpuSeconds(redis) };
  const printed = await runProgram(command, args, {
    BROKERS: settings['EFS_KAFKA_BROKERS'] ?? '',
    TOPICS: inputTopics(prefix).join(','),
    REGISTRY: settings['EFS_SCHEMA_REGISTRY_URL'] ?? '',
    REDIS: world.redisUrl,
    OUTPUT: prefix + DELIVERY_KPI_TOPIC,
    RECORDS: String(records),
  });
  const { seconds, cpuSeconds: own, rss } = JSON.parse(printed) as Record<string, number>;
  const perRecord = (used: number): number => (used * 1e6) / records;
  return {
    rate: records / (seconds ?? NaN),
    own: perRecord(own ?? NaN),
    kafka: perRecord(cpuSeconds(kafka) - before.kafka),
    redis: perRecord(cpuSeconds(redis) - before.redis),
    rss: rss ?? NaN,
  };
}

async function emptied(world: World): Promise<void> {
  const redis = new Redis(world.redisUrl);
  await redis.flushall();
  redis.disconnect();
}
