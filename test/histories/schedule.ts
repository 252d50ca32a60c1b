import type { Clock } from '../../src/base/clock';

/** A process of the installation, as the schedule sees it. */
export interface Process {
  readonly name: string;
  /** None of a dead process's steps is taken. */
  dead: boolean;
  /** Its steps that are due earlier are taken at this time. */
  frozenUntil: number;
}

/** A scheduled step. Without `act` it is cancelled. */
export interface Step {
  due: number;
  readonly order: number;
  readonly process: Process | null;
  act: (() => void) | null;
}

/**
 * The total order of all steps of a history: by due time, and of those due at once, the one scheduled first.
 * Virtual time advances only when no step is due.
 */
export interface Schedule {
  /** Milliseconds since the history began. */
  now(): number;
  /** Steps taken so far. */
  taken(): number;
  /** Schedules a step of a process; without one, the step is taken whichever processes die. */
  after(delayMs: number, act: () => void, process?: Process): Step;
  /** Moves the calendar forward. Scheduled steps are not due any earlier. */
  leap(ms: number): void;
  /** Milliseconds since 1970, by the calendar. */
  calendar(): number;
  /** Takes the next step that is due by `until`, and all that follows from it without time. False where there is none. */
  step(until: number): Promise<boolean>;
  /** The time as a process sees it. */
  clockOf(process: Process): Clock;
}

/** The calendar begins at `begin`, in milliseconds since 1970. */
export function schedule(begin: number): Schedule {
  const steps = heap();
  let now = 0;
  let leapt = 0;
  const calendar = (): number => begin + leapt + Math.floor(now);
  let order = 0;
  let taken = 0;

  const after: Schedule['after'] = (delayMs, act, process) => {
    const step: Step = { due: now + Math.max(0, delayMs), order: order++, process: process ?? null, act };
    steps.push(step);
    return step;
  };

  /** The next step of a live process. */
  const next = (until: number): (() => void) | null => {
    for (let step = steps.peek(); step !== undefined && step.due <= until; step = steps.peek()) {
      steps.pop();
      const { process, act } = step;
      if (act === null || process?.dead === true) continue;
      if (process !== null && process.frozenUntil > step.due) {
        step.due = process.frozenUntil;
        steps.push(step);
        continue;
      }
      now = step.due;
      return act;
    }
    return null;
  };

  return {
    now: () => now,
    taken: () => taken,
    leap: (ms) => void (leapt += ms),
    calendar,
    after,
    async step(until) {
      const act = next(until);
      if (act === null) {
        now = Math.max(now, until);
        return false;
      }
      taken += 1;
      act();
      await settled();
      return true;
    },
    clockOf: (process) => ({
      now: calendar,
      monotonic: () => now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true || ms <= 0) return resolve();
          const wake = (): void => {
            step.act = null;
            signal?.removeEventListener('abort', wake);
            resolve();
          };
          const step = after(ms, wake, process);
          signal?.addEventListener('abort', wake);
        }),
    }),
  };
}

/**
 * Resolves when no promise can proceed by itself. A history waits only for promises and steps, and Node.js runs
 * `nextTick` callbacks only when the engine has no microtask left: so this is exact.
 * (`setImmediate` would do as well, at the price of one turn of the event loop for each step.)
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

interface Heap {
  push(step: Step): void;
  peek(): Step | undefined;
  pop(): void;
}

const isBefore = (a: Step, b: Step): boolean => a.due < b.due || (a.due === b.due && a.order < b.order);

function heap(): Heap {
  const steps: Step[] = [];
  return {
    peek: () => steps[0],
    push(step) {
      let at = steps.push(step) - 1;
      while (at > 0) {
        const above = (at - 1) >> 1;
        if (!isBefore(step, steps[above]!)) break;
        steps[at] = steps[above]!;
        at = above;
      }
      steps[at] = step;
    },
    pop() {
      const last = steps.pop()!;
      if (steps.length === 0) return;
      let at = 0;
      for (let below = 1; below < steps.length; below = 2 * at + 1) {
        if (below + 1 < steps.length && isBefore(steps[below + 1]!, steps[below]!)) below += 1;
        if (!isBefore(steps[below]!, last)) break;
        steps[at] = steps[below]!;
        at = below;
      }
      steps[at] = last;
    },
  };
}
