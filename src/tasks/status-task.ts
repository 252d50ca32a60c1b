import type { Feedback } from '../feedback/feedback';
import { RETIRED_TOPIC } from '../feedback/topics';
import { countingRules } from '../kpi/contribution';
import type { Checkpoint, OutgoingRecord, TransactionalSink, TransactionOutcome } from '../log/sink';
import type { BatchDeps, TaskOwnership } from '../pipeline';
import { auditCommands } from '../pipeline/audit';
import { evictions, loadEvicting } from '../pipeline/eviction';
import { expiries } from '../pipeline/expiry';
import { lateDecoder } from '../pipeline/late-records';
import { type AdoptionDeps, adoptRetired, retirements } from '../pipeline/retention';
import { planStatus, type StatusMemory, statusMemory } from '../pipeline/status';
import type { StatusRules } from '../pipeline/status-records';
import { loadTimerIndex } from '../pipeline/timer-index';
import type { Manifest } from '../store/store';
import { foldedLate } from './folded-late';
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
import { type StatusPublishing, statusPublishing } from './status-publishing';
import { Interrupted, type Opened, type Task } from './task';
import { traced } from './traced';

/** The status task of a partition: feedback in, aggregates and contributions out. */
export function statusTask(
  deps: WorkerDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<Feedback> {
  const own = ownedTask(deps, manifest, { pipeline: 'status', partition }, signal);
  const rules: StatusRules = { ...countingRules(manifest), ...deps.wire, ...manifest, partition };
  let publishing: StatusPublishing | null = null;
  return taskOf(own, {
    lingerMs: () => 0,
    async open() {
      const memory = statusMemory(deps.messageCache());
      publishing = statusPublishing(own, rules, memory);
      return metered(
        traced(opened(own, rules, memory, publishing, await openSink(own)), own.address),
        own.metering,
      );
    },
    until: () => publishing?.until(),
    onProgress: (positions, lag) => {
      deps.sources.status.commitProgress(partition, positions);
      deps.backlog.note(
        partition,
        lag.reduce((sum, records) => sum + records, 0),
      );
    },
  });
}

function opened(
  own: OwnedTask,
  rules: StatusRules,
  memory: StatusMemory,
  publishing: StatusPublishing,
  fenced: TransactionalSink,
): Opened<Feedback> {
  const { deps, address, store } = own;
  const { partition } = address;
  const steps = stepsOf(own, lateDecoder(deps.decoders.status, { ...own, rules, memory }));
  const commands = commandsOf(own, rules, memory, { fenced, rejectAll: steps.emitDeadLetters });
  return {
    ...steps,
    project: (inputs) => planStatus(rules, inputs, memory),
    emit: (records, made) => emit(own, fenced, records, publishing.checkpointOf(records, made)),
    async drain(claim) {
      // A candidate has emitted nothing.
      if (own.manifest.generation === 0) return 'acknowledged';
      const { records, checkpoint } = await publishing.pending(claim);
      if (deps.wire.statusChanged !== null) return emitThrough(fenced, own, records, checkpoint);
      const proven = await emitThrough(fenced, own, [], checkpoint);
      return proven === 'acknowledged' ? emit(own, fenced, records, null) : proven;
    },
    async *onClaim(ownership, claim) {
      await loadTimerIndex(memory.timerIndex, store, address);
      await loadEvicting({ ...own, ...memory });
      yield* publishing.onClaim(ownership, claim);
      yield* commands.adopt(ownership);
      yield* publishing.afterCommit(ownership);
    },
    async *afterCommit(ownership, caughtUp) {
      yield* publishing.afterCommit(ownership);
      if (!caughtUp || memory.suppressed) return;
      if (deps.isClockRight()) {
        yield* commands.expire();
        yield* commands.retire(ownership);
      }
      yield* commands.evict();
      yield* commands.audit();
    },
    close: () => {
      forgetInputs(own);
      deps.damage.forget(partition);
      deps.backlog.forget(partition);
      deps.catchUp.toFold(partition, null);
      return fenced.close();
    },
  };
}

type RejectAll = BatchDeps<Feedback>['emitDeadLetters'];

/** The internal commands: to adopt, retire and evict deliveries, and to expire messages; and the audit. */
function commandsOf(
  own: OwnedTask,
  rules: StatusRules,
  memory: StatusMemory,
  { fenced, rejectAll }: { readonly fenced: TransactionalSink; readonly rejectAll: RejectAll },
) {
  const { deps, manifest, address, store, retry } = own;
  const { partition } = address;
  const topic = deps.topicPrefix + RETIRED_TOPIC;
  const task = { address, manifest, rules, memory, store, clock: deps.retryDeps.clock };
  const adoption = {
    ...task,
    readRetired: (onRecord: Parameters<typeof deps.reader.read>[2], from: number) =>
      retry(() => deps.reader.read(topic, partition, onRecord, from)),
    onStranger: (record: Parameters<typeof deps.strangers.passedOver>[1]) =>
      deps.strangers.passedOver(topic, record),
    rejectFolded: async (...late: Parameters<AdoptionDeps['rejectFolded']>) =>
      rejectAll(await foldedLate(own, ...late)),
  };
  const retire = retirements({
    ...adoption,
    retentionMs: deps.retentionMs,
    expires: deps.expiryGraceMs < Infinity,
    async publish(records) {
      const outcome = await emitThrough(fenced, own, records, null);
      if (outcome !== 'acknowledged') throw new Interrupted(outcome);
      deps.meter.retired(records.length);
    },
  });
  return {
    adopt: ({ positions }: TaskOwnership) => adoptRetired(adoption, positions),
    async *retire(ownership: TaskOwnership) {
      // The sink may still be emitting the last batch's records.
      if ((await ownership.emitted) === 'acknowledged') yield* retire(ownership);
    },
    expire: expiries({ ...task, graceMs: deps.expiryGraceMs }, memory.timerIndex),
    evict: evictions({ ...task, ...memory }),
    audit: auditCommands({
      ...task,
      contribution: rules.contribution,
      onDamage: (found) => deps.damage.found(partition, found),
    }),
  };
}

/**
 * The sink of a status task that fences former owners'. A candidate has none: the active generation's task owns it, and a
 * candidate publishes nothing.
 */
const openSink = ({ deps, manifest, address, retry }: OwnedTask): Promise<TransactionalSink> =>
  manifest.generation === 0
    ? Promise.resolve(NO_SINK)
    : retry(() => deps.transactionalSinks.open(`status-${address.partition}`));

const NO_SINK: TransactionalSink = { emit: async () => 'unacknowledged', close: async () => undefined };

/**
 * Emits records, and a checkpoint where there is one: through the transactional sink where statuses of messages are published,
 * because the last one in the compacted topic must be true. Without them a plain sink will do.
 */
async function emit(
  own: OwnedTask,
  fenced: TransactionalSink,
  records: readonly OutgoingRecord[],
  checkpoint: Checkpoint | null,
): Promise<TransactionOutcome> {
  const { deps, retry } = own;
  if (deps.wire.statusChanged !== null) return emitThrough(fenced, own, records, checkpoint);
  if (records.length > 0) await retry(() => deps.sink.emit(records));
  return 'acknowledged';
}
