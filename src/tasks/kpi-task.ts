import { boundedCache } from '../base/bounded-cache';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { TransactionalSink } from '../log/sink';
import { DELIVERIES_CACHED, type KnownDelivery, planKpi } from '../pipeline/kpi';
import { checkpointOf } from '../pipeline/publish-checkpoint';
import { kpiCommands, type KpiInput } from '../pipeline/publish-gate';
import { isRetirementMarker, retentionCommands } from '../pipeline/retention';
import { unpackOutbox } from '../store/outbox';
import type { Claim, Manifest } from '../store/store';
import { lingerOf } from './backlog';
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
import type { Opened, Task } from './task';

/** The kpi task of a partition: contributions in, sums and KPI changes out. */
export function kpiTask(
  deps: WorkerDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<KpiInput> {
  const own = ownedTask(deps, manifest, { pipeline: 'kpi', partition }, signal);
  return taskOf(own, {
    lingerMs: () => lingerOf(deps, deps.backlog),
    open: async () => metered(opened(own, await openSink(own)), own.metering),
    // The group's offsets are publish checkpoints: only the transactional sink writes them.
    onProgress: () => undefined,
  });
}

const openSink = ({ deps, address, retry }: OwnedTask): Promise<TransactionalSink> =>
  retry(() => deps.transactionalSinks.open(`kpi-${address.partition}`));

function opened(own: OwnedTask, sink: TransactionalSink): Opened<KpiInput> {
  const { deps, manifest, address } = own;
  const { partition } = address;
  const rules = { ...deps.wire, ...manifest, partition };
  const cache = boundedCache<KnownDelivery>(DELIVERIES_CACHED);
  const { publishing, retire } = commandsOf(own);
  const noteSuppressed = (): void => deps.catchUp.suppressed(partition, publishing.suppressed());
  return {
    ...stepsOf(own, deps.decoders.kpi),
    project: (inputs) => planKpi(rules, inputs, publishing.suppressed(), cache),
    emit: (records, made) => emitThrough(sink, own, records, checkpointOf(manifest, made)),
    async drain(claim) {
      const pending = unpackOutbox(claim.outbox);
      // Superseded KPIs are void. Retention markers are final: the state holds them, so they are emitted.
      if (await publishing.overtaken(claim))
        return emitThrough(sink, own, pending.filter(isRetirementMarker), null);
      return emitThrough(sink, own, pending, checkpointOf(manifest, madeBefore(claim)));
    },
    async *onClaim(ownership, claim) {
      yield* publishing.onClaim(ownership, claim);
      noteSuppressed();
    },
    async *afterCommit(ownership, caughtUp) {
      yield* publishing.afterCommit(ownership);
      noteSuppressed();
      if (caughtUp && !publishing.suppressed()) yield* retire(ownership);
    },
    close: () => {
      forgetInputs(own);
      deps.catchUp.suppressed(partition, false);
      return sink.close();
    },
  };
}

/** The commit that stored the outbox of a claimed task. */
const madeBefore = ({ committedBy, positions }: Claim) => ({ epoch: committedBy, positions });

/** The internal commands: to suppress and resume publishing, and to retire deliveries. */
function commandsOf({ deps, manifest, address, store, retry }: OwnedTask) {
  const { reader, retentionMs, retryDeps } = deps;
  const { contribution, kpiChanged } = deps.wire;
  const { partition } = address;
  const contributions = deps.topicPrefix + CONTRIBUTIONS_TOPIC;
  const kpis = deps.topicPrefix + DELIVERY_KPI_TOPIC;
  const task = { address, manifest, store, clock: retryDeps.clock };
  return {
    publishing: kpiCommands({
      ...task,
      checkpoint: () => retry(() => deps.committedOffset(deps.kpiGroup, contributions, partition)),
      readPublished: (onRecord) => retry(() => reader.read(kpis, partition, onRecord)),
      generationOf: (published) => kpiChanged.read(published)?.generation ?? null,
      onStranger: (record) => deps.strangers.passedOver(kpis, record),
    }),
    retire: retentionCommands({
      ...task,
      retentionMs,
      contribution,
      contributionsEnd: async () => (await retry(() => reader.watermarks(contributions, partition))).high,
    }),
  };
}
