import type { Clock } from '../base/clock';
import type { Log } from '../base/log';
import type { Positions } from '../log/source';
import type { TaskOwnership } from '../pipeline';

/** Tracks how far this worker’s tasks have caught up with their predecessors. */
export interface CatchUp {
  /** Records that a status task has yet to fold before it publishes; null where it publishes, or has ended. */
  toFold(partition: number, records: number | null): void;
  /** Whether publishing is suppressed for a kpi task. */
  suppressed(partition: number, isSuppressed: boolean): void;
}

/** Records between a task's positions and these offsets. */
export function leftUntil(offsets: Positions, { positions }: Pick<TaskOwnership, 'positions'>): number {
  return offsets.reduce((left, target, topic) => left + Math.max(0, target - (positions[topic] ?? 0)), 0);
}

const LOG_EVERY_MS = 10_000;

/** Reports catch-up progress as a readiness reason, and to the log every 10 s. */
export function openCatchUp(deps: {
  readonly clock: Clock;
  readonly log: Log;
  onReason(reason: string | null): void;
}): CatchUp {
  const left = new Map<number, number>();
  const suppressed = new Set<number>();
  let most = 0;
  let logged = -Infinity;
  let began: number | null = null;

  const report = (): void => {
    const now = deps.clock.monotonic();
    if (left.size === 0 && suppressed.size === 0) {
      if (began === null) return;
      deps.log.info('caught up: publishing resumed', {
        durationMs: Math.round(now - began),
      });
      deps.onReason(null);
      [began, most, logged] = [null, 0, -Infinity];
      return;
    }
    began ??= now;
    const records = [...left.values()].reduce((sum, each) => sum + each, 0);
    most = Math.max(most, records);
    deps.onReason(reasonOf(records, most, suppressed.size));
    if (now - logged < LOG_EVERY_MS) return;
    logged = now;
    deps.log.info('catching up with published results: publishing is suppressed', {
      records,
      partitions: suppressed.size,
    });
  };
  return {
    toFold: (partition, records) => {
      if (records === null) left.delete(partition);
      else left.set(partition, records);
      report();
    },
    suppressed: (partition, isSuppressed) => {
      if (isSuppressed) suppressed.add(partition);
      else suppressed.delete(partition);
      report();
    },
  };
}

function reasonOf(records: number, most: number, suppressed: number): string {
  const done = most === 0 ? 100 : Math.floor((1 - records / most) * 100);
  const folding = records > 0 ? `, ${records} records to fold here (${done} % done)` : '';
  const waiting = suppressed > 0 ? `, KPI publishing suppressed for ${suppressed} partitions` : '';
  return `catching up with published results${folding}${waiting}`;
}

/** For a candidate: its rebuild reports the progress. */
export const NO_CATCH_UP: CatchUp = { toFold: () => undefined, suppressed: () => undefined };
