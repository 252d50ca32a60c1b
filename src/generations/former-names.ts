import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { described, type Groups, readsAny } from '../log/groups';
import type { Committed } from '../log/source';
import type { TransactionalSinks } from '../log/sink';
import type { Retry } from '../tasks/retry';

/*
 * Up to 0.1 the names of groups and transactional ids were without the tenant's prefix. Where there is one, the names are others
 * since. A worker first waits until no worker of 0.1 is left, which would own the same partitions. Then it takes over,
 * partition by partition: it shuts out the producers of former owners that may still be about to write, and commits their
 * witness under its own group. A partition is taken over once its own group has an offset there.
 */

/** The names of one version, and the sinks under them. */
interface Names {
  readonly kpiGroup: string;
  readonly fencedSinks: TransactionalSinks;
}

export interface TakeOverDeps {
  readonly groups: Groups;
  readonly own: Names;
  readonly former: Names & { readonly statusGroup: string };
  /** All topics that the groups read, by the log's own names. */
  readonly topics: readonly string[];
  /** The one whose offsets are the witnesses. */
  readonly contributionsTopic: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  /** Gets why the service is not ready; null when that is over. */
  onReason(key: string, reason: string | null): void;
}

const LOOK_EVERY_MS = 2_000;
/** The witness of a partition in which a former owner had published nothing. */
const NOTHING_PUBLISHED: Committed = { offset: 0, note: '' };

/**
 * Takes over from workers of 0.1, where there were any; again is harmless. A user who may not look at their groups has not
 * run them. Must have ended before the worker joins its groups. Throws `access-refused` where the former transactional ids
 * are refused, `Stopped`.
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
  const left = [...known].filter(([, checkpoint]) => checkpoint === null).map(([partition]) => partition);
  for (const partition of left) await retry(() => takeOver(deps, partition));
  if (left.length > 0)
    deps.log.info('consumer groups and transactional ids of an earlier version taken over', {
      partitions: left,
      groupId: former.kpiGroup,
    });
}

async function untilFormerWorkersLeft(deps: TakeOverDeps): Promise<void> {
  const { groups, former, topics, clock, log, retry, onReason } = deps;
  const key = 'former-workers';
  for (let told = ''; ; await clock.sleep(LOOK_EVERY_MS)) {
    const members = [
      await retry(() => groups.members(former.statusGroup)),
      await retry(() => groups.members(former.kpiGroup)),
    ];
    if (members.includes(null)) continue;
    const workers = members.flatMap((each) => each ?? []).filter((member) => readsAny(member, topics));
    if (workers.length === 0) return onReason(key, null);
    const error = new EfsError(
      'former-workers',
      `workers of an earlier version are in ${former.statusGroup} or ${former.kpiGroup}: ${workers.map(described).join('; ')}`,
    );
    if (told !== error.message)
      log.warn('waiting until the workers of an earlier version have ended', { error });
    told = error.message;
    onReason(key, `${error.message} (${error.remedy})`);
  }
}

/** Whoever opens the own sink last decides: what one commits that another has overtaken is refused. */
async function takeOver(deps: TakeOverDeps, partition: number): Promise<void> {
  const { groups, own, former, contributionsTopic: topic } = deps;
  for (const name of [`kpi-${partition}`, `status-${partition}`]) {
    const sink = await former.fencedSinks.open(name);
    await sink.close();
  }
  const sink = await own.fencedSinks.open(`kpi-${partition}`);
  try {
    const isTaken = (await groups.committed(own.kpiGroup, topic)).get(partition) != null;
    if (isTaken) return;
    // Read after the former producer is shut out: its last transaction is settled by now.
    const checkpoint = (await groups.committed(former.kpiGroup, topic)).get(partition);
    if ((await sink.emit([], checkpoint ?? NOTHING_PUBLISHED)) === 'unacknowledged')
      throw new EfsError(
        'kafka-unavailable',
        `partition ${partition}: the witness may not have been written`,
      );
  } finally {
    await sink.close();
  }
}
