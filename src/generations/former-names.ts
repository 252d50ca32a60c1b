import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { CONTRIBUTIONS_TOPIC, RELAYED_TOPIC } from '../feedback/topics';
import { described, type GroupMember, type Groups, readsAny } from '../log/groups';
import type { Committed } from '../log/source';
import type { Checkpoint, TransactionalSink, TransactionalSinks } from '../log/sink';
import { unfinishedAt } from '../pipeline/publishing';
import type { Retry } from '../tasks/retry';

/*
 * Up to 0.1, group ids and transactional ids had no tenant prefix. Where one is set, the names have changed since. A worker
 * first waits until no worker of 0.1 is left, which would own the same partitions. Then it takes over, partition by
 * partition: it fences the producers of former owners that may still write, and commits their checkpoint under its own
 * group. A partition is taken over once its own group has an offset there.
 */

/** The names of one version, and its sinks. */
interface Names {
  readonly kpiGroup: string;
  readonly transactionalSinks: TransactionalSinks;
}

export interface TakeOverDeps {
  readonly groups: Groups;
  readonly own: Names;
  readonly former: Names & { readonly statusGroup: string };
  /** All topics that the groups read, by their names in Kafka. */
  readonly topics: readonly string[];
  /** The topics whose committed offsets are the checkpoints of KPIs, and of message statuses. */
  readonly contributionsTopic: string;
  readonly relayedTopic: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  /** Receives the reason why the service is not ready; null once it is over. */
  onReason(key: string, reason: string | null): void;
}

const POLL_MS = 2_000;
/** The checkpoint of a partition in which a former owner had published nothing. */
const NOTHING_PUBLISHED: Committed = { offset: 0, metadata: '' };

/**
 * Takes over from workers of 0.1, where there were any. Idempotent. A user without access to their groups counts as never
 * having run them. Must complete before the worker joins its groups. Throws `access-refused` where the former
 * transactional ids are refused, `Stopped`.
 */
export async function takeOverFormerNames(deps: TakeOverDeps): Promise<void> {
  const { groups, own, former, contributionsTopic: topic, retry } = deps;
  try {
    await untilFormerWorkersLeft(deps);
    const checkpoints = await retry(() => groups.committed(former.kpiGroup, topic));
    if ([...checkpoints.values()].every((checkpoint) => checkpoint === null)) return;
  } catch (error) {
    if (error instanceof EfsError && error.code === 'access-refused') return;
    throw error;
  }
  const known = await retry(() => groups.committed(own.kpiGroup, topic));
  const remaining = [...known]
    .filter(([, checkpoint]) => checkpoint === null)
    .map(([partition]) => partition);
  for (const partition of remaining) await retry(() => takeOver(deps, partition));
  if (remaining.length > 0)
    deps.log.info('consumer groups and transactional ids of an earlier version taken over', {
      partitions: remaining,
      groupId: former.kpiGroup,
    });
}

async function untilFormerWorkersLeft(deps: TakeOverDeps): Promise<void> {
  const { groups, former, topics, clock, log, retry, onReason } = deps;
  const key = 'former-workers';
  for (let logged = ''; ; await clock.sleep(POLL_MS)) {
    const members = [
      await retry(() => groups.members(former.statusGroup)),
      await retry(() => groups.members(former.kpiGroup)),
    ];
    if (members.includes(null)) continue;
    const present = members.flatMap((each) => each ?? []);
    const error = formerWorkers([former.statusGroup, former.kpiGroup], present, topics);
    if (error === null) return onReason(key, null);
    if (logged !== error.message) log.warn('waiting for workers of an earlier version to end', { error });
    logged = error.message;
    onReason(key, `${error.message} (${error.remedy})`);
  }
}

/** `former-workers` where members of the former groups read these topics, or null. */
export function formerWorkers(
  groups: readonly string[],
  members: readonly GroupMember[],
  topics: readonly string[],
): EfsError | null {
  const workers = members.filter((member) => readsAny(member, topics));
  if (workers.length === 0) return null;
  return new EfsError(
    'former-workers',
    `workers of an earlier version are in ${groups.join(' or ')}: ${workers.map(described).join('; ')}`,
  );
}

/** Of several workers that take over at once, the last one to open its own sink fences the others. */
async function takeOver(deps: TakeOverDeps, partition: number): Promise<void> {
  const { groups, own, former, contributionsTopic: topic } = deps;
  for (const name of [`kpi-${partition}`, `status-${partition}`]) {
    const sink = await former.transactionalSinks.open(name);
    await sink.close();
  }
  const sink = await own.transactionalSinks.open(`kpi-${partition}`);
  try {
    const isTaken = (await groups.committed(own.kpiGroup, topic)).get(partition) != null;
    if (isTaken) return;
    // Read after the former producers are fenced: their last transactions are complete by then.
    const left = async (of: string): Promise<Committed | null> =>
      (await groups.committed(former.kpiGroup, of)).get(partition) ?? null;
    // 0.1 committed none of message statuses: what it published last is not known.
    const statuses = { topic: RELAYED_TOPIC, partition };
    const ofStatuses = (await left(deps.relayedTopic)) ?? unfinishedAt({ epoch: 0, positions: [] }, statuses);
    await commitCheckpoint(sink, { ...ofStatuses, ...statuses });
    // The last one: with it the partition is taken over.
    const ofKpis = (await left(topic)) ?? NOTHING_PUBLISHED;
    await commitCheckpoint(sink, { ...ofKpis, topic: CONTRIBUTIONS_TOPIC, partition });
  } finally {
    await sink.close();
  }
}

async function commitCheckpoint(sink: TransactionalSink, checkpoint: Checkpoint): Promise<void> {
  if ((await sink.emit([], checkpoint)) !== 'unacknowledged') return;
  const what = `partition ${checkpoint.partition}: the checkpoint may not have been written`;
  throw new EfsError('kafka-unavailable', what);
}
