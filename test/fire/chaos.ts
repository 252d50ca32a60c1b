import { type Dice, dice } from '../../src/simulation/dice';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollMs } from '../servers/child';
import type { Fault } from './faults';
import type { Worker } from './processes';
import { type Stage, standing, until } from './stage';

/** The injected faults with their times, printed where a run fails. */
export interface EventLog {
  add(line: string): void;
  text(): string;
}

/** `onLine` gets each line as it is added. */
export function openEventLog(onLine: (line: string) => void = () => undefined): EventLog {
  const began = Date.now();
  const lines: string[] = [];
  return {
    add(line) {
      const timed = `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`;
      lines.push(timed);
      onLine(timed);
    },
    text: () => lines.join('\n'),
  };
}

const LOGS = join(__dirname, '..', '..', '.cache', 'fire', 'logs');

/** Writes every worker's log lines to files; returns their folder. */
export function keepLogs(stage: Stage): string {
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(LOGS, { recursive: true });
  for (const worker of stage.workers()) {
    const lines = worker.lines().map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(join(LOGS, `${worker.name.replaceAll(/\W+/g, '-')}.log`), lines.join(''));
  }
  return LOGS;
}

/** Points to kill a worker at, each between two actions that must be atomic. */
const KILL_POINTS: readonly Pick<Fault, 'point' | 'side'>[] = [
  { point: 'commit:status', side: 'after' },
  { point: 'commit:kpi', side: 'after' },
  { point: 'emit:kpi', side: 'after' },
  { point: 'emit:dead-letter', side: 'after' },
  { point: 'emit:contributions', side: 'after' },
  { point: 'commit:status', side: 'before' },
  { point: 'commit:kpi', side: 'before' },
  { point: 'claim:kpi', side: 'after' },
  { point: 'open:kpi', side: 'after' },
  { point: 'emit:dead-letter', side: 'before' },
];

export interface Deaths {
  kills: number;
  /** Those of a chosen point. */
  readonly points: Set<string>;
}

/** Far more than a worker under load needs to reach its kill point. */
const POINT_MS = 45_000;

/** Whether workers have died at several points, one of them right after a commit. */
export const areCovered = ({ points }: Deaths): boolean =>
  points.size >= 4 && [...points].some((point) => point.includes('after commit'));

const injectedFault = (worker: Worker): string | undefined =>
  worker
    .lines()
    .map(({ msg }) => msg)
    .findLast((msg) => msg.startsWith('fault injected: '));

/** Kills a worker after a while, unless it has died at its own kill point before. */
async function killAfter(worker: Worker, delayMs: number, events: EventLog, deaths: Deaths): Promise<void> {
  await Promise.race([worker.ended, pollMs(delayMs)]);
  const own = !worker.alive();
  worker.signal('SIGKILL');
  const { signal, exitCode, err } = await worker.ended;
  if (signal !== 'SIGKILL')
    throw new Error(`${worker.name} ended by itself with ${String(exitCode)}: ${err}`);
  const fault = injectedFault(worker);
  deaths.kills += 1;
  if (own && fault !== undefined) deaths.points.add(fault.replace(/ #.*/, ''));
  events.add(`${worker.name} died: ${own ? fault : `SIGKILL after ${Math.round(delayMs)} ms`}`);
}

/**
 * Two workers at a time, and for a while a third; one after the other is killed, at a random time or at the next kill
 * point, and is replaced. Ends once as many were killed and `enough` is true; leaves two that stay alive.
 */
export async function killing(
  stage: Stage,
  source: Dice,
  how: { readonly kills: number; readonly events: EventLog; readonly deaths: Deaths; enough(): boolean },
): Promise<void> {
  const { kills, events, deaths } = how;
  const withFault = new Set<Worker>();
  let started = 0;
  const start = (): Worker => {
    started += 1;
    const name = `worker ${started}`;
    if (started % 3 === 0) return stage.run(name);
    const killPoint = KILL_POINTS[started % KILL_POINTS.length] as (typeof KILL_POINTS)[number];
    const rare = killPoint.point === 'claim:kpi' || killPoint.point === 'open:kpi';
    const nth = 1 + source.below(rare ? 2 : killPoint.point === 'emit:dead-letter' ? 3 : 8);
    const worker = stage.faulty(name, { fault: { ...killPoint, nth, signal: 'SIGKILL' } });
    withFault.add(worker);
    return worker;
  };
  const slots = [start(), start()];
  let third = null as Worker | null;
  while (deaths.kills < kills || !how.enough()) {
    const slot = source.below(2);
    const worker = slots[slot] as Worker;
    // A worker with a kill point of its own gets time to reach it: as much as it takes, until enough points are covered.
    const hasPoint = withFault.has(worker);
    const leastMs = deaths.kills < kills && !hasPoint ? 2_000 : 6_000;
    const delayMs = leastMs + source.below(5_000);
    await killAfter(worker, hasPoint && !areCovered(deaths) ? POINT_MS : delayMs, events, deaths);
    slots[slot] = start();
    if (deaths.kills === 4) {
      third = stage.run('third worker');
      events.add('a third worker joins');
    } else if (deaths.kills >= 10 && third?.alive() === true) {
      third.signal('SIGTERM');
      const { exitCode, err } = await third.ended;
      if (exitCode !== 0) throw new Error(`the third worker ended with ${String(exitCode)}: ${err}`);
      events.add('the third worker has left');
    }
  }
  for (const worker of slots) await killAfter(worker, 0, events, deaths);
  for (const name of ['survivor 1', 'survivor 2']) stage.run(name);
}

async function epochs(stage: Stage, pipeline: 'status' | 'kpi'): Promise<number[]> {
  return ((await standing(stage, pipeline)) ?? []).map((task) => task?.epoch ?? 0);
}

/**
 * A worker that is frozen at a given call for longer than its session lasts, until others have claimed all its
 * partitions, and then resumes. Returns how many of its late commits and emits were fenced.
 */
export async function freezing(
  stage: Stage,
  fault: Pick<Fault, 'point' | 'side'>,
  source: Dice,
  events: EventLog,
): Promise<number> {
  const zombie = stage.faulty(`zombie at ${fault.point}`, {
    fault: { ...fault, nth: 5 + source.below(10), signal: 'SIGSTOP' },
  });
  await until(`${zombie.name} is frozen`, () => zombie.hasLogged('fault injected: SIGSTOP'), 90_000);
  const pipeline = fault.point.endsWith('kpi') ? 'kpi' : 'status';
  const owned = zombie
    .lines()
    .filter(({ msg, pipeline: which }) => msg === 'partitions assigned' && which === pipeline)
    .at(-1)?.['partitions'] as number[];
  const before = await epochs(stage, pipeline);
  events.add(`${zombie.name} is frozen; it owns ${owned.join(', ')}`);
  await until(
    `others take over from ${zombie.name}`,
    async () => {
      const now = await epochs(stage, pipeline);
      return owned.every((partition) => (now[partition] ?? 0) > (before[partition] ?? 0));
    },
    90_000,
  );
  zombie.signal('SIGCONT');
  events.add(`${zombie.name} resumes`);
  await until(`${zombie.name} is fenced`, async () => (await zombie.counter('efs_fences_total')) > 0);
  const fences = await zombie.counter('efs_fences_total');
  zombie.signal('SIGTERM');
  await zombie.ended;
  events.add(`${zombie.name} was fenced ${fences} times and has left`);
  return fences;
}

/** Independent random streams of one seed. */
export const chances = (seed: number, stream: number): Dice => dice(seed, 1_000 + stream);
