import type { Clock } from '../base/clock';
import type { Log } from '../base/log';
import type { TaskOwnership } from '../pipeline';
import type { Manifest } from '../store/store';

/** How far the tasks of this worker are with what an earlier life had done and published. */
export interface CatchUp {
  /** Records that a status task has yet to fold before it speaks; null where it speaks, or has ended. */
  toFold(partition: number, records: number | null): void;
  /** Whether a kpi task holds back what it would publish. */
  suppressed(partition: number, isSuppressed: boolean): void;
}

/** Records between a status task and its targets. */
export function leftUntil(
  { catchUpOffsets }: Manifest,
  partition: number,
  { positions }: TaskOwnership,
): number {
  return (catchUpOffsets[partition] ?? []).reduce(
    (left, target, topic) => left + Math.max(0, target - (positions[topic] ?? 0)),
    0,
  );
}

const LOG_EVERY_MS = 10_000;

/** Tells whoever asks for readiness, and the log now and then, how far the tasks are. */
export function openCatchUp(deps: {
  readonly clock: Clock;
  readonly log: Log;
  onReason(reason: string | null): void;
}): CatchUp {
  const left = new Map<number, number>();
  const suppress = new Set<number>();
  let most = 0;
  let logged = -Infinity;
  let began: number | null = null;

  const tell = (): void => {
    const now = deps.clock.monotonic();
    if (left.size === 0 && suppress.size === 0) {
      if (began === null) return;
      deps.log.info('caught up: KPI changes are published as they come', {
        durationMs: Math.round(now - began),
      });
      deps.onReason(null);
      [began, most, logged] = [null, 0, -Infinity];
      return;
    }
    began ??= now;
    const records = [...left.values()].reduce((sum, each) => sum + each, 0);
    most = Math.max(most, records);
    deps.onReason(reasonOf(records, most, suppress.size));
    if (now - logged < LOG_EVERY_MS) return;
    logged = now;
    deps.log.info('catching up with what was published before: nothing is published meanwhile', {
      records,
      partitions: suppress.size,
    });
  };
  return {
    toFold: (partition, records) => {
      if (records === null) left.delete(partition);
      else left.set(partition, records);
      tell();
    },
    suppressed: (partition, isSuppressed) => {
      if (isSuppressed) suppress.add(partition);
      else suppress.delete(partition);
      tell();
    },
  };
}

function reasonOf(records: number, most: number, suppressed: number): string {
  const done = most === 0 ? 100 : Math.floor((1 - records / most) * 100);
  const folding = records > 0 ? `, ${records} records to fold here (${done} % done)` : '';
  const waiting = suppressed > 0 ? `, KPIs of ${suppressed} partitions stand still` : '';
  return `catching up with what was published before${folding}${waiting}`;
}

/** For a candidate: its builder shows how far it is. */
export const NO_CATCH_UP: CatchUp = { toFold: () => undefined, suppressed: () => undefined };
