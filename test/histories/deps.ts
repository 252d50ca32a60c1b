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

/** The topics and groups of both pipelines. */
export interface Names {
  readonly topics: { readonly status: readonly string[]; readonly kpi: readonly string[] };
  readonly groups: { readonly status: string; readonly kpi: string };
}

/** The dependencies of one process: the product's in-memory ones, each call over the simulated network. */
export function depsOf(
  installation: Installation,
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
  const { log, store } = installation;
  const { names, sinkLog } = how;
  const memberOf = (group: string): string | null => (how.inGroups ? group : null);
  const status = fetchedLog(installation, process);
  const kpi = fetchedLog(installation, process);
  const fenced = memoryTransactionalSinks(sinkLog, { group: names.groups.kpi });
  const { snapshot: _, restore: __, wipe: ___, ...remote } = store;
  const reader = memoryReader(log);
  const deps: Servers = {
    registry: remoteOf(call, 'registry', how.registry, describe),
    store: remoteOf(call, 'redis', remote, describeStore),
    sink: remoteSink(call, memorySink(log)),
    transactionalSinks: {
      open: async (name) => {
        const open = { server: 'kafka', what: () => `opens the sink ${name}` } as const;
        return remoteTransactionalSink(call, name, await call({ ...open, effect: () => fenced.open(name) }));
      },
    },
    reader: { ...remoteOf(call, 'kafka', reader, describe), follow: reader.follow, close: reader.close },
    committedOffset: remoteOf(call, 'kafka', { committedOffset: memoryCommittedOffset(log) }, describe)
      .committedOffset,
    sources: {
      status: remoteSource(installation, call, status, names.topics.status, memberOf(names.groups.status)),
      kpi: remoteSource(installation, call, kpi, names.topics.kpi, memberOf(names.groups.kpi)),
    },
  };
  return { deps, views: [status, kpi] };
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Describe = (method: string, args: readonly unknown[]) => string;

/** The same methods, each called over the network. */
function remoteOf<T extends object>(call: Caller, server: Server, local: T, describeCall: Describe): T {
  const methods = Object.entries(local).map(([name, method]) => {
    const remoteMethod: Method = (...args) =>
      call({
        server,
        what: () => describeCall(name, args),
        effect: () => (method as Method).apply(local, args),
        show: answerOf,
      });
    return [name, remoteMethod] as const;
  });
  return Object.fromEntries(methods) as T;
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function describe(method: string, args: readonly unknown[]): string {
  const shown = args.filter((arg) => typeof arg !== 'function').map((arg) => plain(arg).slice(0, 60));
  return `${method}(${shown.join(', ')})`;
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
  if ('metadata' in answer && 'offset' in answer)
    return `${String(answer.offset)} (${String(answer.metadata)})`;
  return 'stateId' in answer ? `generation ${String(answer.stateId)}` : 'done';
}

const listOf = (records: readonly OutgoingRecord[]): string =>
  records.map(({ topic, partition, key }) => `${topic}/${partition} ${String(key)}`).join(', ');

/**
 * Partitions on different brokers are acknowledged or lost separately; one `emit` is in flight at a time.
 */
function remoteSink(call: Caller, local: Sink): Sink {
  let previous: Promise<unknown> = Promise.resolve();
  const send = async (records: readonly OutgoingRecord[]): Promise<void> => {
    const brokers = [0, 1].map((broker) => records.filter(({ partition }) => partition % 2 === broker));
    const sent = brokers
      .filter((part) => part.length > 0)
      .map((part) =>
        call({ server: 'kafka', what: () => `emits ${listOf(part)}`, effect: () => local.emit(part) }),
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

/** Closing does not cancel what is in flight; after one unknown outcome the sink refuses all that follows. */
function remoteTransactionalSink(call: Caller, name: string, local: TransactionalSink): TransactionalSink {
  let ended: Exclude<TransactionOutcome, 'acknowledged'> | null = null;
  return {
    async emit(records, checkpoint) {
      if (ended !== null) return ended;
      const outcome = await call<TransactionOutcome>({
        server: 'kafka',
        what: () => `emits through ${name} ${listOf(records)} with checkpoint ${answerOf(checkpoint)}`,
        effect: () => local.emit(records, checkpoint),
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

function remoteSource(
  { log, expiries }: Installation,
  call: Caller,
  view: FetchedLog,
  topics: readonly string[],
  groupId: string | null,
): Source {
  const local = memorySource(view, { topics, groupId });
  const group = groupId ?? 'the inputs';
  const ask = <T>(what: string, effect: () => Promise<T>): Promise<T> =>
    call({ server: 'kafka', what: () => what, effect });
  return {
    ...local,
    partitions: () => ask(`counts the partitions of ${group}`, local.partitions),
    watermarks: (partition) =>
      ask(`asks for watermarks of ${group}/${partition}`, async () =>
        topics.map((topic) => log.watermarks(topic, partition)),
      ),
    async open(partition, positions, until) {
      await ask(`opens ${group}/${partition} at ${positions.join()}`, async () => undefined);
      view.begin(topics, partition, positions);
      const inbox = await local.open(partition, positions, until);
      const lag = (): number[] =>
        inbox.lag().map((records, topic) => records + view.unfetched(topics[topic] ?? '', partition));
      const caughtUp = (): boolean => {
        if (!inbox.caughtUp() || topics.some((topic) => view.unfetched(topic, partition) > 0)) return false;
        expiries.recordCaughtUp(
          partition,
          topics.map((topic) => log.watermarks(topic, partition).high),
        );
        return true;
      };
      return { ...inbox, lag, caughtUp };
    },
  };
}
