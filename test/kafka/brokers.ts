import { setMaxListeners } from 'node:events';
import { systemClock, systemRandom } from '../../src/base/clock';
import type { EfsError } from '../../src/base/errors';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { joinGroup } from '../../src/kafka/group.kafka';
import { clusterOf } from '../../src/kafka/inside.kafka';
import type { Source } from '../../src/log/source';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { retryUntil, Stopped } from '../../src/tasks/retry';
import { pollMs } from '../servers/child';
import type { KafkaServer } from '../servers/kafka';
import { type KafkaWorld, TEST_LIMITS } from './kafka-world';

const OFFSETS = '__consumer_offsets';
const TRANSACTIONS = '__transaction_state';
const clock = systemClock;

/** The times of named events, by `performance.now()`. */
export interface EventLog {
  record(what: string): void;
  untilSeen(all: readonly string[], withinMs: number): Promise<void>;
  /** Milliseconds from `moment` to the first occurrence of each event after it; waits at most `withinMs` for all. */
  firstAfter(moment: number, withinMs: number): Promise<Record<string, number>>;
}

export function eventLog(): EventLog {
  const times = new Map<string, number[]>();
  const first = (moment: number): Record<string, number> =>
    Object.fromEntries(
      [...times].map(([what, all]) => [
        what,
        Math.round((all.find((each) => each >= moment) ?? Infinity) - moment),
      ]),
    );
  return {
    record(what) {
      const known = times.get(what);
      if (known === undefined) times.set(what, [performance.now()]);
      else known.push(performance.now());
    },
    async untilSeen(all, withinMs) {
      for (const began = performance.now(); !all.every((each) => times.has(each)); await pollMs(20)) {
        if (performance.now() - began > withinMs)
          throw new Error(`only ${[...times.keys()].join(', ')} happened`);
      }
    },
    async firstAfter(moment, withinMs) {
      while (Object.values(first(moment)).includes(Infinity) && performance.now() - moment < withinMs) {
        await pollMs(20);
      }
      return first(moment);
    },
  };
}

/** A continuous load that uses Kafka in every way the service does. */
export interface Load {
  /** Last acknowledged number, by partition. */
  readonly acknowledged: number[];
  /** Taken numbers in the order of taking, by partition. */
  readonly taken: number[][];
  /** The servers that the sources reported as unavailable. */
  readonly unavailable: ReadonlySet<string | null>;
  /** How often each member of the idle group has been assigned partitions. */
  readonly assigned: number[];
  /** Stops writing, and waits until all acknowledged records have been taken. */
  drained(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A sink per partition writes to the first topic and two sources read it; a transactional sink writes to the second topic;
 * two members stay in `idleGroup`. Records every transaction, take and heartbeat in `events`.
 */
export function startLoad(world: KafkaWorld, partitions: number, idleGroup: string, events: EventLog): Load {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const outages = { failed: () => undefined, answered: () => undefined };
  const retry = retryUntil(abort.signal, { clock, random: systemRandom, outages });
  const [topic = '', other = ''] = world.topics;
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const acknowledged = numbers.map(() => -1);
  const taken = numbers.map((): number[] => []);
  const positions = new Map<number, readonly number[]>();
  const running: Promise<unknown>[] = [];
  const closing: (() => Promise<unknown>)[] = [];

  const write = async (partition: number): Promise<void> => {
    const sink = kafkaSink(world.kafka, { clock });
    closing.push(() => sink.close());
    for (let n = 0; !abort.signal.aborted; n++) {
      await retry(() => sink.emit([{ topic, partition, key: null, value: Buffer.from(String(n)) }]));
      acknowledged[partition] = n;
      await clock.sleep(20);
    }
  };
  const writeTransactions = async (): Promise<void> => {
    const sinks = kafkaTransactionalSinks(world.kafka, { clock, group: idleGroup });
    for (let n = 0; !abort.signal.aborted;) {
      const sink = await retry(() => sinks.open('kpi-0'));
      const record = { topic: other, partition: 0, key: null, value: Buffer.from('x') };
      while (
        !abort.signal.aborted &&
        (await sink.emit([record], { topic: other, partition: 0, offset: ++n, metadata: '' })) ===
          'acknowledged'
      ) {
        events.record('transaction');
        await clock.sleep(20);
      }
      await sink.close();
    }
  };
  const read = async (source: Source, partition: number): Promise<void> => {
    const inbox = await retry(() => source.open(partition, positions.get(partition) ?? [0, 0, 0]));
    for (let batch = await inbox.take({ max: 100, lingerMs: 0 }); batch !== null;) {
      // As in the service: what two owners read is kept once, by its position.
      const known = positions.get(partition)?.[0] ?? 0;
      for (const { topic: index, offset, value } of batch.records) {
        if (index === 0 && offset >= known) taken[partition]?.push(Number(value));
      }
      positions.set(
        partition,
        batch.next.map((next, index) => Math.max(next, positions.get(partition)?.[index] ?? 0)),
      );
      events.record(`partition ${partition}`);
      source.commitProgress(partition, batch.next);
      batch = await inbox.take({ max: 100, lingerMs: 0 });
    }
  };
  const failures: unknown[] = [];
  const start = (work: Promise<unknown>): void => {
    running.push(work.catch((error: unknown) => error instanceof Stopped || failures.push(error)));
  };
  const unavailable = new Set<string | null>();
  const seen = {
    failed: (_: unknown, error: unknown): void => void unavailable.add((error as EfsError).server),
    answered: () => undefined,
  };
  for (const source of [world.member({ outages: seen }), world.member({ outages: seen })]) {
    let owned: readonly number[] = [];
    void source.start({
      onAssigned(now) {
        for (const partition of now) if (!owned.includes(partition)) start(read(source, partition));
        owned = now;
      },
      onFailed: (error) => failures.push(error),
    });
    closing.push(() => source.stop());
  }
  const assigned = [0, 0];
  const members = assigned.map((_, index) =>
    joinGroup({
      ...{ kafka: world.kafka, groupId: idleGroup, topics: world.topics, clock, limits: TEST_LIMITS.group },
      onAssigned: () => void (assigned[index] = (assigned[index] ?? 0) + 1),
      onOutage: () => undefined,
      onAnswer: () => events.record(`heartbeat ${index}`),
    }),
  );
  closing.push(...members.map((member) => () => member.leave(2_000)));
  const writing = [...numbers.map(write), writeTransactions()];
  for (const work of writing) start(work);

  return {
    acknowledged,
    taken,
    unavailable,
    assigned,
    async drained() {
      abort.abort();
      await Promise.allSettled(writing);
      const behind = (): number[] =>
        numbers.filter((partition) => !taken[partition]?.includes(acknowledged[partition] ?? -1));
      for (const began = Date.now(); behind().length > 0; await pollMs(20)) {
        if (Date.now() - began > 20_000)
          throw new Error(`records were not taken of partitions ${behind().join(', ')}`);
      }
    },
    async stop() {
      abort.abort();
      await Promise.allSettled(closing.map((close) => close()));
      await Promise.allSettled(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** Observes the cluster through these brokers' metadata. */
export function observer(brokers: readonly string[], topics: readonly string[]) {
  const kafka = kafkaClient({ brokers, clientId: 'efs-observer' });
  const cluster = clusterOf(kafka);
  const watched = [...topics, OFFSETS, TRANSACTIONS];
  const partitions = async () => {
    await cluster.connect();
    const broker = await cluster.brokerPool.findConnectedBroker();
    const { topicMetadata } = await broker.metadata(watched);
    return topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata);
  };
  const until = async (holds: () => Promise<boolean>): Promise<number> => {
    while (!(await holds().catch(() => false))) await pollMs(25);
    return performance.now();
  };
  return {
    coordinator: async (kind: 'group' | 'transaction', id: string): Promise<number> => {
      await cluster.connect();
      const broker = await cluster.brokerPool.findConnectedBroker();
      const request = { groupId: id, coordinatorType: kind === 'group' ? 0 : 1 };
      return (await broker.findGroupCoordinator(request)).coordinator.nodeId;
    },
    leader: async (): Promise<number> => (await partitions())[0]?.leader ?? 0,
    /** Resolves with the time at which every partition has a leader that is not this node. */
    ledWithout: (node: number) =>
      until(async () =>
        (await partitions()).every(({ leader }) => leader !== null && leader >= 0 && leader !== node),
      ),
    /** Resolves once every replica of every partition is in sync. */
    inSync: (replicas: number) =>
      until(async () => (await partitions()).every(({ isr }) => isr.length === replicas)),
    close: () => cluster.disconnect(),
  };
}

/** The node that leads the controller quorum, by the nodes' logs. */
export function controllerOf(server: KafkaServer): number {
  const elected = server.nodes.map((node) => {
    const epochs = [...node.log().matchAll(/Completed transition to Leader\([^)]*epoch=(\d+)/g)];
    return Math.max(0, ...epochs.map(([, epoch]) => Number(epoch)));
  });
  return elected.indexOf(Math.max(...elected)) + 1;
}
