import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { unreachable } from '../../src/base/assert';
import { WALK_MS } from '../../src/pipeline/retention';
import type { Snapshot } from '../../src/store/store.memory';
import { HOUR } from '../support/feedback';
import type { Fault } from './faults';
import type { Installation } from './installation';
import type { Operator, Order } from './operator';
import type { Worker } from './worker';

/** The processes of a history, which come and go. */
export interface Crew {
  readonly workers: Worker[];
  readonly operators: Operator[];
  /** Starts another worker. */
  start(): void;
  command(order: Order): Operator;
}

/** Lets the faults of a scenario strike, each before its step. */
export interface Nemesis {
  /** Strikes with all that is due. */
  strike(): void;
  /** Whether all has struck and what it did is over, but for what the service has to mend by itself. */
  isOver(): boolean;
}

export function nemesisOf(there: Installation, processes: Crew, groups: readonly string[]): Nemesis {
  const { scenario, schedule } = there;
  const memories = new Map<number, Snapshot>();
  const toRemember = scenario.faults
    .flatMap((fault) => (fault.kind === 'rollback' ? [fault.since] : []))
    .sort((a, b) => a - b);
  const toCome = [...scenario.faults];
  let underWay = 0;
  let changedAt = -Infinity;
  const powers: Powers = {
    ...{ there, processes, groups },
    change(act) {
      const delayMs = Math.max(0, changedAt + BETWEEN_CHANGES_MS - schedule.now());
      changedAt = schedule.now() + delayMs;
      if (delayMs === 0) act();
      else powers.later(delayMs, act);
    },
    forget: () => memories.clear(),
    restore(step) {
      // What comes back was written before what is there now: a copy from a time that is no more is none.
      for (const other of memories.keys()) if (other > step) memories.delete(other);
      return memories.get(step) ?? there.store.snapshot();
    },
    later(delayMs, act) {
      underWay += 1;
      schedule.after(delayMs, () => {
        underWay -= 1;
        act();
      });
    },
  };
  return {
    strike() {
      const step = schedule.taken();
      while (toRemember.length > 0 && toRemember[0]! <= step)
        memories.set(toRemember.shift()!, there.store.snapshot());
      while (toCome.length > 0 && toCome[0]!.at <= step) strikeWith(powers, toCome.shift()!);
    },
    isOver: () =>
      toCome.length === 0 && underWay === 0 && processes.operators.every(({ process }) => process.dead),
  };
}

/** Nobody puts back a copy of the store while calls are under way that were made before it was lost. */
const BETWEEN_CHANGES_MS = 6_000;

interface Powers {
  readonly there: Installation;
  readonly processes: Crew;
  readonly groups: readonly string[];
  /** Does something to the store, some time after the last that was done to it. */
  change(act: () => void): void;
  /** A copy made before the store was lost is lost with it. */
  forget(): void;
  /** The store as it was before a step. */
  restore(step: number): Snapshot;
  /** Does something later that the history waits for. */
  later(delayMs: number, act: () => void): void;
}

const tell = (there: Installation, line: string): void => there.story.tell('***', () => line);

/** A worker that is alive, by a number that need not be one of theirs. */
function alive({ workers }: Crew, number: number): Worker | null {
  const living = workers.filter(({ process }) => !process.dead);
  return living[number % Math.max(1, living.length)] ?? null;
}

function strikeWith(powers: Powers, fault: Fault): void {
  const { there, processes, later } = powers;
  switch (fault.kind) {
    case 'kill':
    case 'stop':
    case 'freeze':
      return strikeWorker(powers, fault, alive(processes, fault.worker));
    case 'start':
      tell(there, 'another worker is started');
      return processes.start();
    case 'rebalance':
      return joinForAWhile(powers, fault.forMs);
    case 'rollback':
      return powers.change(() => rollBack(powers, fault));
    case 'wipe':
      return powers.change(() => {
        powers.forget();
        wipe(powers, fault.share);
      });
    case 'outage':
      tell(there, `${fault.server} does not answer for ${fault.forMs} ms`);
      there.downUntil[fault.server] = there.schedule.now() + fault.forMs;
      return later(fault.forMs, () => undefined);
    case 'stall':
      return stall(powers, fault);
    case 'storm':
      tell(there, `of all calls ${Math.round(100 * fault.share)} % go wrong for ${fault.forMs} ms`);
      there.storm.share = fault.share;
      there.storm.until = there.schedule.now() + fault.forMs;
      return later(fault.forMs, () => undefined);
    case 'operator': {
      const { process } = processes.command(fault.order);
      tell(there, `${process.name} is to ${JSON.stringify(fault.order)}`);
      // A history does not wait for it once its command has ended.
      there.schedule.after(fault.forMs, () => {
        if (!process.dead) tell(there, `${process.name} is killed`);
        process.dead = true;
      });
      return;
    }
    case 'hours':
      tell(there, `${fault.forMs / HOUR} hours pass`);
      return there.schedule.leap(fault.forMs);
    case 'ages':
      return growOld(powers, fault);
    default:
      return unreachable(fault);
  }
}

function growOld(
  { there, later }: Powers,
  { forMs, hours, everyMs }: Extract<Fault, { kind: 'ages' }>,
): void {
  tell(there, `${forMs / HOUR} hours pass, then ${hours} more, one by one`);
  there.schedule.leap(forMs);
  for (let passed = 1; passed <= hours; passed += 1)
    later(passed * everyMs, () => there.schedule.leap(WALK_MS));
}

function strikeWorker(
  { there, processes, later }: Powers,
  fault: Extract<Fault, { worker: number }>,
  worker: Worker | null,
): void {
  if (worker === null) return;
  const { process, views } = worker;
  if (fault.kind === 'freeze') {
    tell(there, `${process.name} stands still for ${fault.forMs} ms`);
    process.frozenUntil = there.schedule.now() + fault.forMs;
    if (fault.noticedMs >= fault.forMs) return later(fault.forMs, () => undefined);
    there.schedule.after(fault.noticedMs, () => {
      tell(there, `${process.name} is taken out of its groups`);
      for (const view of views) view.expel();
    });
    return later(fault.forMs, () => {
      if (!process.dead) for (const view of views) view.rejoin();
    });
  }
  if (fault.kind === 'kill') {
    tell(there, `${process.name} is killed`);
    worker.kill(fault.noticedMs);
  } else {
    tell(there, `${process.name} is told to stop within ${fault.graceMs} ms`);
    worker.stop(fault.graceMs);
  }
  later(fault.backMs, () => processes.start());
}

function joinForAWhile({ there, groups, later }: Powers, forMs: number): void {
  tell(there, `somebody joins the groups for ${forMs} ms and does nothing`);
  const leave = groups.map((group) => there.log.join(group, there.scenario.partitions, () => undefined));
  later(forMs, () => leave.forEach((each) => each()));
}

function rollBack({ there, restore }: Powers, { since, share }: Extract<Fault, { kind: 'rollback' }>): void {
  const { store, chance } = there;
  const old = restore(since);
  if (share === 1) {
    tell(there, `the store is what it was before step ${since}`);
    return store.restore(old);
  }
  const now = store.snapshot();
  const names = [...new Set([...old.tasks.keys(), ...now.tasks.keys()])];
  const returning = names.filter(() => chance.chance(share));
  const tasks = names.flatMap((name) => {
    const task = (returning.includes(name) ? old : now).tasks.get(name);
    return task === undefined ? [] : [[name, task] as const];
  });
  tell(there, `some of the store is what it was before step ${since}: ${returning.join(' ')}`);
  store.restore({ ...now, tasks: new Map(tasks) });
}

function wipe({ there }: Powers, share: number): void {
  const { store, chance } = there;
  if (share === 1) {
    tell(there, 'the store is wiped');
    return store.wipe();
  }
  const now = store.snapshot();
  const kept = [...now.tasks].filter(() => !chance.chance(share));
  tell(there, `of the store is left: ${kept.map(([name]) => name).join(' ')}`);
  store.restore({ ...now, tasks: new Map(kept) });
}

const TOPICS = [...FEEDBACK_TOPICS.map(({ topic }) => topic), CONTRIBUTIONS_TOPIC];

function stall({ there, later }: Powers, fault: Extract<Fault, { kind: 'stall' }>): void {
  const place = `${TOPICS[fault.topic]}/${fault.partition}`;
  tell(there, `nothing more of ${place} is fetched for ${fault.forMs} ms`);
  there.stalledUntil.set(place, there.schedule.now() + fault.forMs);
  later(fault.forMs, () => undefined);
}
