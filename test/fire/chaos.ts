import { type Dice, dice } from '../../src/simulation/dice';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollMs } from '../servers/child';
import type { Fault } from './faults';
import type { Worker } from './processes';
import { type Stage, standing, until } from './stage';

/** What was done to whom and when, to be read where a run fails. */
export interface Story {
  tell(line: string): void;
  text(): string;
}

/** `onLine` gets each line as it is told. */
export function openStory(onLine: (line: string) => void = () => undefined): Story {
  const began = Date.now();
  const lines: string[] = [];
  return {
    tell(line) {
      const told = `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`;
      lines.push(told);
      onLine(told);
    },
    text: () => lines.join('\n'),
  };
}

const LOGS = join(__dirname, '..', '..', '.cache', 'fire', 'logs');

/** Leaves what every worker has printed where a person can read it; gives the folder. */
export function keepLogs(stage: Stage): string {
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(LOGS, { recursive: true });
  for (const worker of stage.workers()) {
    const lines = worker.lines().map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(join(LOGS, `${worker.name.replaceAll(/\W+/g, '-')}.log`), lines.join(''));
  }
  return LOGS;
}

/** Chosen moments to die at, each between two acts that must not come apart. */
const MOMENTS: readonly Pick<Fault, 'point' | 'side'>[] = [
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

export interface Toll {
  kills: number;
  /** Of these at a chosen moment. */
  readonly moments: Set<string>;
}

const lastWords = (worker: Worker): string | undefined =>
  worker
    .lines()
    .map(({ msg }) => msg)
    .findLast((msg) => msg.startsWith('struck: '));

/** Lets a worker live for a while, then kills it, unless it has come to its own chosen end before. */
async function killSooner(worker: Worker, lifeMs: number, story: Story, toll: Toll): Promise<void> {
  await Promise.race([worker.ended, pollMs(lifeMs)]);
  const own = !worker.alive();
  worker.signal('SIGKILL');
  const { signal, exitCode, err } = await worker.ended;
  if (signal !== 'SIGKILL')
    throw new Error(`${worker.name} ended by itself with ${String(exitCode)}: ${err}`);
  const words = lastWords(worker);
  toll.kills += 1;
  if (own && words !== undefined) toll.moments.add(words.replace(/ #.*/, ''));
  story.tell(`${worker.name} died: ${own ? words : `SIGKILL after ${Math.round(lifeMs)} ms`}`);
}

/**
 * Two workers at a time, and for a while a third; one after the other dies, at a random moment or at the next chosen
 * one, and is replaced. Goes on until as many have died and `enough` says so; leaves two that live on.
 */
export async function killing(
  stage: Stage,
  source: Dice,
  how: { readonly kills: number; readonly story: Story; readonly toll: Toll; enough(): boolean },
): Promise<void> {
  const { kills, story, toll } = how;
  const appointed = new Set<Worker>();
  let born = 0;
  const start = (): Worker => {
    born += 1;
    const name = `worker ${born}`;
    if (born % 3 === 0) return stage.run(name);
    const moment = MOMENTS[born % MOMENTS.length] as (typeof MOMENTS)[number];
    const rare = moment.point === 'claim:kpi' || moment.point === 'open:kpi';
    const nth = 1 + source.below(rare ? 2 : moment.point === 'emit:dead-letter' ? 3 : 8);
    const worker = stage.struck(name, { fault: { ...moment, nth, signal: 'SIGKILL' } });
    appointed.add(worker);
    return worker;
  };
  const slots = [start(), start()];
  let guest = null as Worker | null;
  while (toll.kills < kills || !how.enough()) {
    const slot = source.below(2);
    const worker = slots[slot] as Worker;
    // Who has a moment of its own is given the time to come to it.
    const leastMs = toll.kills < kills && !appointed.has(worker) ? 2_000 : 6_000;
    await killSooner(worker, leastMs + source.below(5_000), story, toll);
    slots[slot] = start();
    if (toll.kills === 4) {
      guest = stage.run('guest');
      story.tell('a guest joins');
    } else if (toll.kills >= 10 && guest?.alive() === true) {
      guest.signal('SIGTERM');
      const { exitCode, err } = await guest.ended;
      if (exitCode !== 0) throw new Error(`the guest ended with ${String(exitCode)}: ${err}`);
      story.tell('the guest has left');
    }
  }
  for (const worker of slots) await killSooner(worker, 0, story, toll);
  for (const name of ['survivor 1', 'survivor 2']) stage.run(name);
}

async function epochs(stage: Stage, pipeline: 'status' | 'kpi'): Promise<number[]> {
  return ((await standing(stage, pipeline)) ?? []).map((task) => task?.epoch ?? 0);
}

/**
 * A worker that freezes at a chosen call for longer than its session lasts, until others have claimed everything it
 * held, and then goes on as if nothing had happened. Gives how many of its late acts were fenced off.
 */
export async function freezing(
  stage: Stage,
  fault: Pick<Fault, 'point' | 'side'>,
  source: Dice,
  story: Story,
): Promise<number> {
  const zombie = stage.struck(`zombie at ${fault.point}`, {
    fault: { ...fault, nth: 5 + source.below(10), signal: 'SIGSTOP' },
  });
  await until(`${zombie.name} freezes`, () => zombie.says('struck: SIGSTOP'), 90_000);
  const pipeline = fault.point.endsWith('kpi') ? 'kpi' : 'status';
  const owned = zombie
    .lines()
    .filter(({ msg, pipeline: which }) => msg === 'partitions assigned' && which === pipeline)
    .at(-1)?.['partitions'] as number[];
  const before = await epochs(stage, pipeline);
  story.tell(`${zombie.name} is frozen; it holds ${owned.join(', ')}`);
  await until(
    `others take over from ${zombie.name}`,
    async () => {
      const now = await epochs(stage, pipeline);
      return owned.every((partition) => (now[partition] ?? 0) > (before[partition] ?? 0));
    },
    90_000,
  );
  zombie.signal('SIGCONT');
  story.tell(`${zombie.name} goes on`);
  await until(`${zombie.name} is fenced`, async () => (await zombie.counter('efs_fences_total')) > 0);
  const fences = await zombie.counter('efs_fences_total');
  zombie.signal('SIGTERM');
  await zombie.ended;
  story.tell(`${zombie.name} was fenced ${fences} times and has left`);
  return fences;
}

/** Independent chances from one seed. */
export const chances = (seed: number, stream: number): Dice => dice(seed, 1_000 + stream);
