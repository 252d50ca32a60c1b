import type { Clock } from '../../src/base/clock';

/** A process of the installation, as far as time is concerned. */
export interface Process {
  readonly name: string;
  /** Once dead, nothing happens to it any more. */
  dead: boolean;
  /** What should have happened to it before this time happens then. */
  frozenUntil: number;
}

/** Something that is to happen. Without `act` it has been called off. */
export interface Step {
  due: number;
  readonly order: number;
  readonly process: Process | null;
  act: (() => void) | null;
}

/**
 * The one order in which everything in a history happens: by time, and of what is due at once, what was planned first.
 * Time passes only when nothing else is left to do.
 */
export interface Schedule {
  /** Milliseconds since the history began. */
  now(): number;
  /** Steps taken so far. */
  taken(): number;
  /** Plans a step of a process; of none, where it happens whatever becomes of them. */
  after(delayMs: number, act: () => void, process?: Process): Step;
  /** Moves the calendar on by time that nobody has to live through: whatever waits is due no earlier for it. */
  leap(ms: number): void;
  /** Milliseconds since 1970, as the calendar says. */
  calendar(): number;
  /** Takes the next step that is due by `until`, and all that follows from it without time. False where there is none. */
  step(until: number): Promise<boolean>;
  /** The time as a process sees it. */
  clockOf(process: Process): Clock;
}

/** Begins on the calendar at `begin`, in milliseconds since 1970. */
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

  /** The next step that will really be taken. */
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
 * Resolves when no promise is left that can go on by itself. Nothing in a history waits for anything but promises and
 * steps, and Node.js runs what `nextTick` was given only when the engine has no microtask left: so this is exact, and no
 * guess. (`setImmediate` would do, and go round the event loop for each step.)
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
