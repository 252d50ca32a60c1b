import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { unreachable } from '../../src/base/assert';
import { RETENTION_SCAN_MS } from '../../src/pipeline/retention';
import type { Snapshot } from '../../src/store/store.memory';
import { HOUR } from '../support/feedback';
import type { Fault } from './faults';
import type { Installation } from './installation';
import type { Operator, Order } from './operator';
import type { Worker } from './worker';

/** The processes of a history: workers and operators' commands. */
export interface Processes {
  readonly workers: Worker[];
  readonly operators: Operator[];
  /** Starts another worker. */
  start(): void;
  command(order: Order): Operator;
}

/** The fault injector: injects the faults of a scenario, each before its step. */
export interface Nemesis {
  /** Injects every fault that is due. */
  injectDue(): void;
  /** Whether every fault was injected and has ended; the service may still be recovering. */
  isOver(): boolean;
}

export function nemesisOf(
  installation: Installation,
  processes: Processes,
  groups: readonly string[],
): Nemesis {
  const { scenario, schedule } = installation;
  const snapshots = new Map<number, Snapshot>();
  const toSnapshot = scenario.faults
    .flatMap((fault) => ('since' in fault ? [fault.since] : []))
    .sort((a, b) => a - b);
  const pending = [...scenario.faults];
  let inFlight = 0;
  const injection: Injection = {
    ...{ installation, processes, groups },
    restore: (step) => snapshots.get(step) ?? installation.store.snapshot(),
    later(delayMs, act) {
      inFlight += 1;
      schedule.after(delayMs, () => {
        inFlight -= 1;
        act();
      });
    },
  };
  return {
    injectDue() {
      const step = schedule.taken();
      while (toSnapshot.length > 0 && toSnapshot[0]! <= step)
        snapshots.set(toSnapshot.shift()!, installation.store.snapshot());
      while (pending.length > 0 && pending[0]!.at <= step) inject(injection, pending.shift()!);
    },
    isOver: () =>
      pending.length === 0 && inFlight === 0 && processes.operators.every(({ process }) => process.dead),
  };
}

interface Injection {
  readonly installation: Installation;
  readonly processes: Processes;
  readonly groups: readonly string[];
  /** The store as it was before a step, also in a course of events that was undone since. */
  restore(step: number): Snapshot;
  /** Does something later; the history does not end before. */
  later(delayMs: number, act: () => void): void;
}

const trace = (installation: Installation, line: string): void => installation.trace.add('***', () => line);

/** A live worker, by a number that is taken modulo their count. */
function alive({ workers }: Processes, number: number): Worker | null {
  const living = workers.filter(({ process }) => !process.dead);
  return living[number % Math.max(1, living.length)] ?? null;
}

function inject(injection: Injection, fault: Fault): void {
  const { installation, processes, later } = injection;
  switch (fault.kind) {
    case 'kill':
    case 'stop':
    case 'freeze':
      return injectIntoWorker(injection, fault, alive(processes, fault.worker));
    case 'start':
      trace(installation, 'another worker is started');
      return processes.start();
    case 'rebalance':
      return joinForAWhile(injection, fault.forMs);
    case 'rollback':
      return rollBack(injection, fault);
    case 'flap':
      return flap(injection, fault, fault.times);
    case 'wipe':
      return wipe(injection, fault.share);
    case 'outage':
      trace(installation, `${fault.server} does not answer for ${fault.forMs} ms`);
      installation.downUntil[fault.server] = installation.schedule.now() + fault.forMs;
      return later(fault.forMs, () => undefined);
    case 'stall':
      return stall(injection, fault);
    case 'storm':
      trace(installation, `${Math.round(100 * fault.share)} % of all calls fail for ${fault.forMs} ms`);
      installation.storm.share = fault.share;
      installation.storm.until = installation.schedule.now() + fault.forMs;
      return later(fault.forMs, () => undefined);
    case 'operator': {
      const { process } = processes.command(fault.order);
      trace(installation, `${process.name} runs ${JSON.stringify(fault.order)}`);
      // The history goes on as soon as the command has ended.
      installation.schedule.after(fault.forMs, () => {
        if (!process.dead) trace(installation, `${process.name} is killed`);
        process.dead = true;
      });
      return;
    }
    case 'hours':
      trace(installation, `${fault.forMs / HOUR} hours pass`);
      return installation.schedule.leap(fault.forMs);
    case 'retention':
      return passRetention(injection, fault);
    default:
      return unreachable(fault);
  }
}

function passRetention(
  { installation, later }: Injection,
  { forMs, hours, everyMs }: Extract<Fault, { kind: 'retention' }>,
): void {
  trace(installation, `${forMs / HOUR} hours pass, then ${hours} more, one at a time`);
  installation.schedule.leap(forMs);
  for (let passed = 1; passed <= hours; passed += 1)
    later(passed * everyMs, () => installation.schedule.leap(RETENTION_SCAN_MS));
}

function injectIntoWorker(
  { installation, processes, later }: Injection,
  fault: Extract<Fault, { worker: number }>,
  worker: Worker | null,
): void {
  if (worker === null) return;
  const { process, views } = worker;
  if (fault.kind === 'freeze') {
    trace(installation, `${process.name} is frozen for ${fault.forMs} ms`);
    process.frozenUntil = installation.schedule.now() + fault.forMs;
    if (fault.noticedMs >= fault.forMs) return later(fault.forMs, () => undefined);
    installation.schedule.after(fault.noticedMs, () => {
      trace(installation, `${process.name} is removed from its groups`);
      for (const view of views) view.expel();
    });
    return later(fault.forMs, () => {
      if (!process.dead) for (const view of views) view.rejoin();
    });
  }
  if (fault.kind === 'kill') {
    trace(installation, `${process.name} is killed`);
    worker.kill(fault.noticedMs);
  } else {
    trace(installation, `${process.name} is asked to stop within ${fault.graceMs} ms`);
    worker.stop(fault.graceMs);
  }
  later(fault.backMs, () => processes.start());
}

function joinForAWhile({ installation, groups, later }: Injection, forMs: number): void {
  trace(installation, `an idle consumer joins the groups for ${forMs} ms`);
  const leave = groups.map((group) =>
    installation.log.join(group, installation.scenario.partitions, () => undefined),
  );
  later(forMs, () => leave.forEach((each) => each()));
}

function rollBack(
  { installation, restore }: Injection,
  { since, share }: Extract<Fault, { kind: 'rollback' | 'flap' }>,
): void {
  const { store, chance } = installation;
  const old = restore(since);
  if (share === 1) {
    trace(installation, `the store is rolled back to step ${since}`);
    return store.restore(old);
  }
  const now = store.snapshot();
  const names = [...new Set([...old.tasks.keys(), ...now.tasks.keys()])];
  const returning = names.filter(() => chance.chance(share));
  const tasks = names.flatMap((name) => {
    const task = (returning.includes(name) ? old : now).tasks.get(name);
    return task === undefined ? [] : [[name, task] as const];
  });
  trace(installation, `these tasks of the store are rolled back to step ${since}: ${returning.join(' ')}`);
  store.restore({ ...now, tasks: new Map(tasks) });
}

/** The store shows an older copy for a while, and then what it was before; as long each, so many times. */
function flap(injection: Injection, fault: Extract<Fault, { kind: 'flap' }>, times: number): void {
  const { installation, later } = injection;
  const before = installation.store.snapshot();
  rollBack(injection, fault);
  later(fault.forMs, () => {
    trace(installation, 'the store is what it was before');
    installation.store.restore(before);
    if (times > 1) later(fault.forMs, () => flap(injection, fault, times - 1));
  });
}

function wipe({ installation }: Injection, share: number): void {
  const { store, chance } = installation;
  if (share === 1) {
    trace(installation, 'the store is wiped');
    return store.wipe();
  }
  const now = store.snapshot();
  const kept = [...now.tasks].filter(() => !chance.chance(share));
  trace(installation, `the store is wiped, except for ${kept.map(([name]) => name).join(' ')}`);
  store.restore({ ...now, tasks: new Map(kept) });
}

const TOPICS = [...FEEDBACK_TOPICS.map(({ topic }) => topic), CONTRIBUTIONS_TOPIC];

function stall({ installation, later }: Injection, fault: Extract<Fault, { kind: 'stall' }>): void {
  const place = `${TOPICS[fault.topic]}/${fault.partition}`;
  trace(installation, `${place} is not fetched for ${fault.forMs} ms`);
  installation.stalledUntil.set(place, installation.schedule.now() + fault.forMs);
  later(fault.forMs, () => undefined);
}
