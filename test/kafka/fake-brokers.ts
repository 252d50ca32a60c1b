import { type Kafka, KafkaJSConnectionError } from 'kafkajs';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import type { BrokerInside, ClusterInside, ProducerInside } from '../../src/kafka/inside.kafka';
import { readRecords } from '../../src/kafka/records.kafka';

const NOT_LEADER = 6;
const INVALID_PRODUCER_EPOCH = 47;

/** A produce request as kafkajs queues it: it encodes itself, and checks the answer. */
interface ProduceRequest {
  readonly request: { encode(): Promise<{ readonly buffer: Buffer }> };
  readonly response: { parse(answer: object): Promise<unknown> };
}

interface Produced {
  readonly partition: number;
  readonly values: readonly string[];
  readonly sequence: number;
}

/** Two brokers, 1 and 2, with a topic `out`: broker p leads partition p until it is moved. Broker 1 is every coordinator. */
export interface FakeBrokers {
  /** A kafkajs client of these brokers. */
  readonly kafka: Kafka;
  /** Moves the partition's leadership; clients see it when they refresh metadata. */
  move(partition: number, broker: number): void;
  /** The broker accepts no connections any more; the other one takes over. */
  goAway(broker: number): void;
  /** The answer to the next produce request with the partition omits it. */
  leaveOut(partition: number): void;
  /** The values of committed records of a partition. */
  committed(partition: number): readonly string[];
  /** First sequence numbers of the batches written to a partition, committed or not. */
  sequences(partition: number): readonly number[];
}

export function fakeBrokers(): FakeBrokers {
  const leaders = new Map([
    [1, 1],
    [2, 2],
  ]);
  const log: Produced[] = [];
  let open: Produced[] = [];
  let epoch = 0;
  const leftOut = new Set<number>();
  const gone = new Set<number>();
  const available = (): number => (gone.has(1) ? 2 : 1);

  const checkEpoch = ({ producerEpoch }: ProducerInside): void => {
    if (producerEpoch !== epoch) throw createErrorFromCode(INVALID_PRODUCER_EPOCH);
  };
  const produce = async (nodeId: number, { request, response }: ProduceRequest): Promise<unknown> => {
    const { epochs, parts } = await readProduceRequest((await request.encode()).buffer);
    if (epochs.some((each) => each !== epoch)) throw createErrorFromCode(INVALID_PRODUCER_EPOCH);
    const led = parts.filter(({ partition }) => leaders.get(partition) === nodeId);
    const answered = parts.filter(({ partition }) => !leftOut.delete(partition));
    open.push(...led.filter((part) => answered.includes(part)));
    const partitions = answered.map((part) => ({
      partition: part.partition,
      errorCode: led.includes(part) ? 0 : NOT_LEADER,
    }));
    return response.parse({ topics: [{ topicName: 'out', partitions }] });
  };
  const brokerOf = (nodeId: number): BrokerInside => ({
    versions: null,
    connectionPool: {
      host: `broker-${nodeId}`,
      port: 9092,
      send: (request) => produce(nodeId, request as ProduceRequest),
    },
    metadata: async () => ({ brokers: [], topicMetadata: [] }),
    listOffsets: async () => ({ responses: [] }),
    offsetFetch: async () => ({ responses: [] }),
    findGroupCoordinator: async () => ({ coordinator: { nodeId: available() } }),
    describeGroups: async () => ({ groups: [] }),
    syncGroup: async () => ({ memberAssignment: Buffer.alloc(0) }),
    heartbeat: async () => undefined,
    offsetCommit: async () => undefined,
    leaveGroup: async () => undefined,
    async initProducerId() {
      open = [];
      return { producerId: '7', producerEpoch: ++epoch };
    },
    addPartitionsToTxn: async (request) => checkEpoch(request),
    addOffsetsToTxn: async (request) => checkEpoch(request),
    txnOffsetCommit: async (request) => checkEpoch(request),
    async endTxn(request) {
      checkEpoch(request);
      log.push(...open.splice(0));
    },
    disconnect: async () => undefined,
  });
  const brokers = new Map([1, 2].map((nodeId) => [nodeId, brokerOf(nodeId)]));
  const clusterOf = (): ClusterInside => {
    let known = new Map(leaders);
    const findBroker = async ({ nodeId }: { nodeId: number }): Promise<BrokerInside> => {
      if (!gone.has(nodeId)) return brokers.get(nodeId) as BrokerInside;
      known = new Map(leaders);
      throw new KafkaJSConnectionError('connect ECONNREFUSED');
    };
    return {
      brokerPool: { findConnectedBroker: () => findBroker({ nodeId: available() }) },
      connect: async () => undefined,
      disconnect: async () => undefined,
      addMultipleTargetTopics: async () => undefined,
      async refreshMetadata() {
        known = new Map(leaders);
      },
      refreshMetadataIfNecessary: async () => undefined,
      findBroker,
      findTopicPartitionMetadata: () =>
        [...known].map(([partitionId, leader]) => ({ partitionId, leader, isr: [] })),
      fetchTopicsOffset: async () => [],
      removeBroker: () => undefined,
    };
  };
  const values = (parts: readonly Produced[], partition: number): string[] =>
    parts.filter((part) => part.partition === partition).flatMap((part) => part.values);
  return {
    kafka: clientOf(clusterOf),
    move: (partition, broker) => void leaders.set(partition, broker),
    goAway(broker) {
      gone.add(broker);
      for (const [partition, leader] of leaders) if (leader === broker) leaders.set(partition, available());
    },
    leaveOut: (partition) => void leftOut.add(partition),
    committed: (partition) => values(log, partition),
    sequences: (partition) =>
      [...log, ...open].filter((part) => part.partition === partition).map(({ sequence }) => sequence),
  };
}

/** kafkajs passes its cluster to the assigners of a consumer. */
function clientOf(clusterOf: () => ClusterInside): Kafka {
  const consumer = ({ partitionAssigners }: { partitionAssigners: ((given: object) => object)[] }) => {
    for (const assigner of partitionAssigners) assigner({ cluster: clusterOf() });
  };
  return { consumer } as unknown as Kafka;
}

/** Parses the body of a version 7 produce request. */
async function readProduceRequest(body: Buffer): Promise<{ epochs: number[]; parts: Produced[] }> {
  const epochs: number[] = [];
  const parts: Produced[] = [];
  let at = 2 + Math.max(0, body.readInt16BE(0)) + 2 + 4;
  for (let count = body.readInt32BE(at), left = (at += 4) && count; left > 0; left--) {
    at += 2 + body.readInt16BE(at) + 4;
    const partition = body.readInt32BE(at);
    const size = body.readInt32BE(at + 4);
    const bytes = body.subarray(at + 8, at + 8 + size);
    at += 8 + size;
    epochs.push(bytes.readInt16BE(51));
    const values: string[] = [];
    for (const batch of readBatches(bytes, [], {
      topic: '',
      partition,
      end: Infinity,
      maxBatchBytes: 1 << 20,
    })) {
      const reader = readRecords(batch, 0, partition, 0);
      for (let record = reader.next(); record !== null; record = reader.next())
        values.push(String(record.value));
    }
    parts.push({ partition, values, sequence: bytes.readInt32BE(53) });
  }
  return { epochs, parts };
}
