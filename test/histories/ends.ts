import type { Servers } from '../../src/app/compose';
import type { MemoryLog } from '../../src/log/log.memory';
import type { SchemaRegistry } from '../../src/avro/registry';
import type { Source } from '../../src/log/source';
import { memoryCommittedOffset, memoryReader, memorySource } from '../../src/log/source.memory';
import { memoryTransactionalSinks, memorySink } from '../../src/log/sink.memory';
import type { TransactionOutcome, TransactionalSink, OutgoingRecord, Sink } from '../../src/log/sink';
import type { Commit, TaskAddress } from '../../src/store/store';
import { type FetchedLog, fetchedLog } from './fetching';
import type { Server } from './faults';
import type { Installation } from './installation';
import type { Caller } from './network';
import type { Process } from './schedule';

/** The names that both pipelines have of topics and groups. */
export interface Names {
  readonly topics: { readonly status: readonly string[]; readonly kpi: readonly string[] };
  readonly groups: { readonly status: string; readonly kpi: string };
  readonly checkpointTopic: string;
}

/** The ends of one process: the product's own, in memory, each call of which goes over the network. */
export function endsOf(
  there: Installation,
  process: Process,
  call: Caller,
  how: {
    readonly names: Names;
    readonly registry: SchemaRegistry;
    readonly sinkLog: MemoryLog;
    /** Whether it is a member of the groups; else it owns all partitions. */
    readonly inGroups: boolean;
  },
): { readonly deps: Servers; readonly views: readonly FetchedLog[] } {
  const { log, store } = there;
  const { names, sinkLog } = how;
  const memberOf = (group: string): string | null => (how.inGroups ? group : null);
  const status = fetchedLog(there, process);
  const kpi = fetchedLog(there, process);
  const fenced = memoryTransactionalSinks(sinkLog, {
    group: names.groups.kpi,
    checkpointTopic: names.checkpointTopic,
  });
  const { snapshot: _, restore: __, wipe: ___, ...remote } = store;
  const reader = memoryReader(log);
  const deps: Servers = {
    registry: far(call, 'registry', how.registry, describe),
    store: far(call, 'redis', remote, describeStore),
    sink: farSink(call, memorySink(log)),
    fencedSinks: {
      open: async (name) => {
        const open = { server: 'kafka', what: () => `opens the sink ${name}` } as const;
        return farFencedSink(call, name, await call({ ...open, effect: () => fenced.open(name) }));
      },
    },
    reader: { ...far(call, 'kafka', reader, describe), follow: reader.follow, close: reader.close },
    committedOffset: far(call, 'kafka', { committedOffset: memoryCommittedOffset(log) }, describe)
      .committedOffset,
    sources: {
      status: farSource(there, call, status, names.topics.status, memberOf(names.groups.status)),
      kpi: farSource(there, call, kpi, names.topics.kpi, memberOf(names.groups.kpi)),
    },
  };
  return { deps, views: [status, kpi] };
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Describe = (method: string, args: readonly unknown[]) => string;

/** The same methods, over the network. */
function far<T extends object>(call: Caller, server: Server, near: T, describeCall: Describe): T {
  const methods = Object.entries(near).map(([name, method]) => {
    const farMethod: Method = (...args) =>
      call({
        server,
        what: () => describeCall(name, args),
        effect: () => (method as Method).apply(near, args),
        show: answerOf,
      });
    return [name, farMethod] as const;
  });
  return Object.fromEntries(methods) as T;
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function describe(method: string, args: readonly unknown[]): string {
  const told = args.filter((arg) => typeof arg !== 'function').map((arg) => plain(arg).slice(0, 60));
  return `${method}(${told.join(', ')})`;
}

export const nameOfTask = ({ stateId, pipeline, partition }: TaskAddress): string =>
  `${pipeline}/${partition} of generation ${stateId}`;

function describeStore(method: string, args: readonly unknown[]): string {
  const [task, second] = args as [TaskAddress, unknown];
  if (method === 'commit') {
    const { sequence, epoch, expected, next, outbox } = second as Commit;
    const emits = outbox === null ? 'nothing to emit' : `${outbox.length} bytes to emit`;
    return `commit ${sequence} of ${nameOfTask(task)}, epoch ${epoch}, ${expected.join()} -> ${next.join()}, ${emits}`;
  }
  return typeof task === 'object' && 'pipeline' in task
    ? `${method} ${nameOfTask(task)}`
    : describe(method, args);
}

function answerOf(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return String(answer);
  if ('epoch' in answer && 'sequence' in answer && 'positions' in answer) {
    return `epoch ${String(answer.epoch)}, commit ${String(answer.sequence)}, at ${String(answer.positions)}`;
  }
  if ('note' in answer && 'offset' in answer) return `${String(answer.offset)} (${String(answer.note)})`;
  return 'generation' in answer ? `generation ${String(answer.generation)}` : 'done';
}

const listOf = (records: readonly OutgoingRecord[]): string =>
  records.map(({ topic, partition, key }) => `${topic}/${partition} ${String(key)}`).join(', ');

/**
 * Records of partitions on different brokers arrive, or do not, each by itself; one `emit` is under way at a time.
 */
function farSink(call: Caller, near: Sink): Sink {
  let previous: Promise<unknown> = Promise.resolve();
  const send = async (records: readonly OutgoingRecord[]): Promise<void> => {
    const brokers = [0, 1].map((broker) => records.filter(({ partition }) => partition % 2 === broker));
    const sent = brokers
      .filter((part) => part.length > 0)
      .map((part) =>
        call({ server: 'kafka', what: () => `emits ${listOf(part)}`, effect: () => near.emit(part) }),
      );
    const outcomes = await Promise.allSettled(sent);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  };
  return {
    emit(records) {
      const emitted = previous.then(() => send(records));
      previous = emitted.catch(() => undefined);
      return emitted;
    },
    close: async () => undefined,
  };
}

/** What is under way when it is closed goes on; after one unknown outcome it is of no more use. */
function farFencedSink(call: Caller, name: string, near: TransactionalSink): TransactionalSink {
  let ended: Exclude<TransactionOutcome, 'acknowledged'> | null = null;
  return {
    async emit(records, checkpoint) {
      if (ended !== null) return ended;
      const outcome = await call<TransactionOutcome>({
        server: 'kafka',
        what: () => `emits through ${name} ${listOf(records)} with witness ${answerOf(checkpoint)}`,
        effect: () => near.emit(records, checkpoint),
        unknown: () => 'unacknowledged',
        once: true,
        show: (answer) => answer,
      });
      if (outcome !== 'acknowledged') ended = outcome;
      return outcome;
    },
    async close() {
      ended ??= 'unacknowledged';
    },
  };
}

function farSource(
  { log, expiries }: Installation,
  call: Caller,
  view: FetchedLog,
  topics: readonly string[],
  groupId: string | null,
): Source {
  const near = memorySource(view, { topics, groupId });
  const group = groupId ?? 'the inputs';
  const ask = <T>(what: string, effect: () => Promise<T>): Promise<T> =>
    call({ server: 'kafka', what: () => what, effect });
  return {
    ...near,
    partitions: () => ask(`counts the partitions of ${group}`, near.partitions),
    watermarks: (partition) =>
      ask(`asks for watermarks of ${group}/${partition}`, async () =>
        topics.map((topic) => log.watermarks(topic, partition)),
      ),
    async open(partition, positions, until) {
      await ask(`opens ${group}/${partition} at ${positions.join()}`, async () => undefined);
      view.begin(topics, partition, positions);
      const inbox = await near.open(partition, positions, until);
      const lag = (): number[] =>
        inbox.lag().map((records, topic) => records + view.unfetched(topics[topic] ?? '', partition));
      const caughtUp = (): boolean => {
        if (!inbox.caughtUp() || topics.some((topic) => view.unfetched(topic, partition) > 0)) return false;
        expiries.noteCaughtUp(
          partition,
          topics.map((topic) => log.watermarks(topic, partition).high),
        );
        return true;
      };
      return { take: (options) => inbox.take(options), lag, caughtUp, close: () => inbox.close() };
    },
  };
}
