import { boundedCache } from '../base/bounded-cache';
import type { LoggedContribution } from '../feedback/decode';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { TransactionalSink } from '../log/sink';
import type { LogRecord } from '../log/source';
import { DELIVERIES_CACHED, type KnownDelivery, planKpi } from '../pipeline/kpi';
import type { BatchDeps } from '../pipeline';
import { publishGate } from '../pipeline/publish-gate';
import { checkpointOf } from '../pipeline/publishing';
import { unpackOutbox } from '../store/outbox';
import type { Manifest } from '../store/store';
import { lingerOf } from './backlog';
import { metered } from './meter';
import {
  emitThrough,
  forgetInputs,
  madeBefore,
  type OwnedTask,
  ownedTask,
  stepsOf,
  taskOf,
  type WorkerDeps,
} from './owned-task';
import type { Opened, Task } from './task';
import { traced } from './traced';

/** The kpi task of a partition: contributions in, sums and KPI changes out. */
export function kpiTask(
  deps: WorkerDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<LoggedContribution> {
  const own = ownedTask(deps, manifest, { pipeline: 'kpi', partition }, signal);
  // Since the cut-over, the contributions of this generation are behind this offset.
  const first = manifest.contributionsFrom?.[partition] ?? 0;
  return taskOf(own, {
    lingerMs: () => lingerOf(deps, deps.backlog),
    open: async () => metered(traced(opened(own, await openSink(own)), own.address), own.metering),
    startAt: (positions) => positions.map((position) => Math.max(position, first)),
    // The group's offsets are publish checkpoints: only the transactional sink writes them.
    onProgress: () => undefined,
  });
}

const openSink = ({ deps, address, retry }: OwnedTask): Promise<TransactionalSink> =>
  retry(() => deps.transactionalSinks.open(`kpi-${address.partition}`));

function opened(own: OwnedTask, sink: TransactionalSink): Opened<LoggedContribution> {
  const { deps, manifest, address, store } = own;
  const { partition } = address;
  const rules = { ...deps.wire, ...manifest, partition };
  const cache = boundedCache<KnownDelivery>(DELIVERIES_CACHED);
  const at = { topic: CONTRIBUTIONS_TOPIC, partition };
  const gate = publishGate({
    ...gateDeps(own),
    async recheck(deliveries) {
      const plan = planKpi(rules, [], false, cache, deliveries);
      return plan.project(await store.load(address, plan.reads));
    },
  });
  const emit: BatchDeps<LoggedContribution>['emit'] = async (records, made) =>
    records.length === 0 ? 'acknowledged' : emitThrough(sink, own, records, checkpointOf(manifest, made, at));
  const noteSuppressed = (): void => deps.catchUp.suppressed(partition, gate.suppressed());
  return {
    ...stepsOf(own, deps.decoders.kpi),
    project: (inputs) => planKpi(rules, inputs, gate.suppressed(), cache),
    emit,
    async drain(claim) {
      // In any case with a checkpoint: its transaction proves that no other owner has opened the sink since.
      const { isVoid, committed } = await gate.outboxAt(claim);
      const made = checkpointOf(manifest, madeBefore(claim), at);
      if (isVoid) return emitThrough(sink, own, [], committed === null ? made : { ...committed, ...at });
      return emitThrough(sink, own, unpackOutbox(claim.outbox), made);
    },
    async *onClaim(ownership, claim) {
      yield* gate.onClaim(ownership, claim);
      noteSuppressed();
    },
    async *afterCommit(ownership) {
      yield* gate.afterCommit(ownership);
      noteSuppressed();
    },
    close: () => {
      forgetInputs(own);
      deps.catchUp.suppressed(partition, false);
      return sink.close();
    },
  };
}

function gateDeps({ deps, manifest, address, store, retry }: OwnedTask) {
  const { reader, topicPrefix } = deps;
  const { kpiChanged } = deps.wire;
  const { partition } = address;
  const contributions = topicPrefix + CONTRIBUTIONS_TOPIC;
  const kpis = topicPrefix + DELIVERY_KPI_TOPIC;
  return {
    address,
    manifest,
    store,
    checkpoint: () => retry(() => deps.committedOffset(deps.kpiGroup, contributions, partition)),
    readPublished: (onRecord: Parameters<typeof reader.read>[2]) =>
      retry(() => reader.read(kpis, partition, onRecord)),
    generationOf: (published: Buffer) => kpiChanged.read(published)?.generation ?? null,
    onStranger: (record: LogRecord) => deps.strangers.passedOver(kpis, record),
  };
}
