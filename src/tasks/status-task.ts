import { countingRules } from '../kpi/contribution';
import type { TransactionalSink } from '../log/sink';
import type { Positions } from '../log/source';
import type { TaskOwnership } from '../pipeline';
import { auditCommands } from '../pipeline/audit';
import { evictionCommands } from '../pipeline/eviction';
import { expiryCommands } from '../pipeline/expiry';
import { lateDecoder } from '../pipeline/late-records';
import { statusCommands } from '../pipeline/republish';
import { planStatus, type StatusMemory, statusMemory } from '../pipeline/status';
import type { StatusInput } from '../pipeline/status-input';
import { loadTimerIndex } from '../pipeline/timer-index';
import { unpackOutbox } from '../store/outbox';
import type { Claim, Manifest } from '../store/store';
import { leftUntil } from './catch-up';
import { metered } from './meter';
import {
  emitThrough,
  forgetInputs,
  type OwnedTask,
  ownedTask,
  stepsOf,
  taskOf,
  type WorkerDeps,
} from './owned-task';
import { pendingOutbox, predecessorOf } from './predecessor';
import type { Opened, Task } from './task';

/** The status task of a partition: feedback in, aggregates and contributions out. */
export function statusTask(
  deps: WorkerDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<StatusInput> {
  const own = ownedTask(deps, manifest, { pipeline: 'status', partition }, signal);
  return taskOf(own, {
    lingerMs: () => 0,
    open: async () => metered(opened(own, await openSink(own)), own.metering),
    onProgress: (positions, lag) => {
      deps.sources.status.commitProgress(partition, positions);
      deps.backlog.note(
        partition,
        lag.reduce((sum, records) => sum + records, 0),
      );
    },
  });
}

function opened(own: OwnedTask, sink: TransactionalSink): Opened<StatusInput> {
  const { deps, manifest, address, store } = own;
  const { partition } = address;
  const memory = statusMemory();
  const rules = { ...countingRules(manifest), ...deps.wire, ...manifest, partition };
  const commands = commandsOf(own, memory);
  const resume = async function* (ownership: TaskOwnership): AsyncGenerator<readonly StatusInput[]> {
    yield* commands.resume(ownership);
    deps.catchUp.toFold(partition, memory.suppressed ? leftUntil(manifest, partition, ownership) : null);
  };
  return {
    ...stepsOf(own, lateDecoder(deps.decoders.status, { ...own, ...memory, clock: deps.retryDeps.clock })),
    project: (inputs) => planStatus(rules, inputs, memory),
    emit: (records) => emitThrough(sink, own, records, null),
    drain: async (claim) => emitThrough(sink, own, await pendingRecords(own, claim), null),
    async *onClaim(ownership) {
      await loadTimerIndex(memory.timerIndex, store, address);
      yield* resume(ownership);
    },
    async *afterCommit(ownership, caughtUp) {
      yield* resume(ownership);
      if (!caughtUp || memory.suppressed) return;
      if (deps.isClockRight()) yield* commands.expire(ownership);
      yield* commands.evict(ownership);
      yield* commands.audit(ownership);
    },
    close: () => {
      forgetInputs(own);
      deps.damage.forget(partition);
      deps.backlog.forget(partition);
      deps.catchUp.toFold(partition, null);
      return sink.close();
    },
  };
}

/** The internal commands: to resume publishing after a catch-up, to expire messages, to evict retired deliveries; and the audit. */
function commandsOf({ deps, manifest, address, store, retry }: OwnedTask, memory: StatusMemory) {
  const { retentionMs, wire, retryDeps } = deps;
  const { partition } = address;
  const inputEnds = async (): Promise<Positions> =>
    (await retry(() => deps.sources.status.watermarks(partition))).map(({ high }) => high);
  const task = { address, manifest, store, clock: retryDeps.clock, inputEnds };
  const predecessor = () => retry(() => predecessorOf(deps.store, manifest, partition));
  return {
    resume: statusCommands({ ...task, predecessor, withStatuses: wire.statusChanged !== null }, memory),
    expire: expiryCommands({ ...task, graceMs: deps.expiryGraceMs }, memory.timerIndex),
    evict: evictionCommands({ ...task, ...memory, contribution: wire.contribution, retentionMs }),
    audit: auditCommands({
      ...task,
      contribution: wire.contribution,
      onDamage: (found) => deps.damage.found(partition, found),
    }),
  };
}

/**
 * The sink of a status task. Contributions carry a revision and readers keep the highest, so a former owner's late ones are
 * harmless and need no fence. Status changes of messages carry none: the last one in the compacted topic must be true.
 */
async function openSink({ deps, address, retry }: OwnedTask): Promise<TransactionalSink> {
  if (deps.wire.statusChanged !== null)
    return retry(() => deps.transactionalSinks.open(`status-${address.partition}`));
  return {
    emit: async (records) => {
      await retry(() => deps.sink.emit(records));
      return 'acknowledged';
    },
    close: async () => undefined,
  };
}

/** What the last owner committed and may not have emitted. */
async function pendingRecords({ deps, manifest, address, retry }: OwnedTask, { outbox }: Claim) {
  const own = unpackOutbox(outbox);
  if (deps.wire.statusChanged === null) return own;
  return retry(() => pendingOutbox(deps.store, manifest, address.partition, own));
}
