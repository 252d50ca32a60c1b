import { FEEDBACK_TOPICS, CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { WALK_MS } from '../../src/pipeline/retention';
import { FLAGS_HASH, RETIRED_HASH } from '../../src/store/hashes';
import { HOUR } from '../support/feedback';
import { type Installation, installationOf } from './installation';
import { violationsOf } from './invariants';
import type { Mutant } from './machine';
import { type Crew, type Nemesis, nemesisOf } from './nemesis';
import { latency } from './network';
import type { Scenario } from './scenario';
import type { Schedule } from './schedule';
import { toldStory, untold } from './story';
import { type Operator, startOperator } from './operator';
import { startWorker, type Worker } from './worker';

/** What became of one history. */
export interface Outcome {
  readonly scenario: Scenario;
  /** The invariants that do not hold, for a person; none where all is well. */
  readonly violations: readonly string[];
  readonly steps: number;
  /** How long it took, in its own time. */
  readonly durationMs: number;
  /** What happened, where it was to be told. */
  readonly story: readonly string[];
}

/** Time within which all must be as it should, once nothing goes wrong any more. */
const SETTLES_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
/** How long no message may be heard of before silence is its end, and what is to be waited for after that. */
const VALIDITY_MS = 90 * HOUR;
/** After so many walks what is old has been found so twice, was retired, has settled, and was removed. */
const WALKS_NEEDED = 8;
/** Tasks look what they owe to time while there is nothing else to do, every five seconds. */
const WALKED_WITHIN_MS = 11_000;
/** When somebody corrects the settings of a worker that was refused, and starts it again. */
const RESTARTED_AFTER_MS = 1_000;
/** Far more steps than any history needs. */
const MOST_STEPS = 30_000;

/** Lives through a history from begin to end: the same scenario gives the same outcome. */
export async function live(
  scenario: Scenario,
  { mutant = {}, told = false }: { readonly mutant?: Mutant; readonly told?: boolean } = {},
): Promise<Outcome> {
  let now = (): number => 0;
  const story = told ? toldStory(() => now()) : untold;
  const there = installationOf(scenario, story, mutant.without ?? []);
  now = there.schedule.now;
  const crew = crewOf(there, mutant);
  const nemesis = nemesisOf(there, crew, ['efs-status', 'efs-kpi']);
  produce(there);
  for (let worker = 0; worker < scenario.workers; worker += 1)
    there.schedule.after(latency(there), crew.start);
  const restless = (await trouble(there, nemesis)) ?? (await calmDown(there, crew));
  const processes = [...crew.workers, ...crew.operators];
  let violations = restless === null ? await violationsOf(there, processes) : [restless];
  if (violations.length === 0 && scenario.settings.retentionMs !== null)
    violations = [...(await growOld(there, crew)), ...(await violationsOf(there, processes))];
  for (const each of processes) each.handBack();
  return {
    ...{ scenario, violations, story: story.lines },
    steps: there.schedule.taken(),
    durationMs: there.schedule.now(),
  };
}

function crewOf(there: Installation, mutant: Mutant): Crew {
  const workers: Worker[] = [];
  const operators: Operator[] = [];
  const start = (): void => {
    const again = (): void => void there.schedule.after(RESTARTED_AFTER_MS, start);
    workers.push(startWorker(there, `worker ${workers.length + 1}`, mutant, again));
  };
  return {
    ...{ workers, operators, start },
    command(order) {
      const operator = startOperator(there, `operator ${operators.length + 1}`, order, mutant);
      operators.push(operator);
      return operator;
    },
  };
}

function produce({ scenario, schedule, log, story }: Installation): void {
  for (const { at, record } of scenario.arrivals) {
    const { topic, partition, key, value, headerCount } = record;
    const headers = Array.from({ length: headerCount }, () => HEADER);
    schedule.after(at, () => {
      const offset = log.append(topic, partition, { key, value, headers });
      story.tell('producer', () => `${topic}/${partition}/${offset} ${String(key)}`);
    });
  }
}

const HEADER = { name: Buffer.from('h'), value: Buffer.from('v') };

/** Until every record is in the log and every fault is over. Gives what is wrong where that never comes. */
async function trouble({ schedule, scenario }: Installation, nemesis: Nemesis): Promise<string | null> {
  const lastArrival = scenario.arrivals.at(-1)?.at ?? 0;
  while (schedule.now() <= lastArrival || !nemesis.isOver()) {
    nemesis.strike();
    if (!(await schedule.step(Infinity))) return 'nothing happens any more';
    if (schedule.taken() > MOST_STEPS) return `after ${MOST_STEPS} steps there is still trouble`;
  }
  return null;
}

/** Until everything is as it should be and stays so. Gives what is wrong where that takes too long. */
async function calmDown(there: Installation, processes: Crew): Promise<string | null> {
  const { schedule, calm, story } = there;
  calm.reached = true;
  story.tell('***', () => 'from here on nothing goes wrong');
  if (processes.workers.every(({ process }) => process.dead)) processes.start();
  const deadline = Math.max(schedule.now(), there.lastEffect()) + SETTLES_WITHIN_MS;
  let why: string | null = '';
  while (why !== null) {
    const until = schedule.now() + LOOK_EVERY_MS;
    while (await schedule.step(until)) if (schedule.taken() > MOST_STEPS) return `never rests: ${why}`;
    why = there.lastEffect() > until ? 'something is under way' : (unsettled(there) ?? unready(processes));
    if (until > deadline && why !== null) return `after ${SETTLES_WITHIN_MS} ms of calm, ${why}`;
  }
  return null;
}

/** Until nothing is left of any delivery but that it is retired. Gives what is wrong where that takes too long. */
async function growOld(there: Installation, processes: Crew): Promise<string[]> {
  const { schedule, scenario, story } = there;
  story.tell('***', () => 'nothing more is heard of any delivery');
  schedule.leap((scenario.settings.retentionMs ?? 0) + VALIDITY_MS);
  for (let walk = 0; walk < WALKS_NEEDED; walk += 1) {
    schedule.leap(WALK_MS);
    await passing(schedule, WALKED_WITHIN_MS);
    const restless = await calmDown(there, processes);
    if (restless !== null) return [restless];
  }
  return tracesLeft(there);
}

async function passing(schedule: Schedule, ms: number): Promise<void> {
  const until = schedule.now() + ms;
  while (await schedule.step(until));
}

/** What the active generation holds that should have left, by name of its hash. */
function tracesLeft({ store }: Installation): string[] {
  const { manifest, tasks } = store.snapshot();
  return [...tasks]
    .filter(([task]) => task.includes(`{${manifest?.stateId}.`))
    .flatMap(([task, { hashes }]) =>
      [...hashes.keys()]
        .filter((hash) => hash !== FLAGS_HASH && hash !== RETIRED_HASH)
        .map((hash) => `${task} still holds ${hash}`),
    );
}

/** Why a worker says that it is not ready, or null. */
function unready({ workers }: Crew): string | null {
  for (const { process, reasons } of workers) {
    const [first] = process.dead ? [] : reasons;
    if (first !== undefined) return `${process.name} is not ready: ${first.join(', ')}`;
  }
  return null;
}

const INPUTS = FEEDBACK_TOPICS.map(({ topic }) => topic);

/** What is still to be done, or null. */
function unsettled({ store, log, scenario, expiries }: Installation): string | null {
  const { manifest, tasks } = store.snapshot();
  if (manifest === null) return 'there is no generation';
  if (!manifest.cutoverComplete) return 'a cut-over is not settled';
  for (let partition = 0; partition < scenario.partitions; partition += 1) {
    for (const [letter, topics] of [
      ['s', INPUTS],
      ['k', [CONTRIBUTIONS_TOPIC]],
    ] as const) {
      const name = `{${manifest.stateId}.${letter}.${partition}}`;
      const task = tasks.get(`efs:memory:${name}:t`);
      if (task === undefined) return `${name} has no state`;
      const deps = topics.map((topic) => log.watermarks(topic, partition).high);
      if (task.positions.join() !== deps.join())
        return `${name} is at ${task.positions.join()} of ${deps.join()}`;
      if (task.outbox !== null) return `${name} has something to emit`;
      if (task.hashes.get('f')?.has('muted') === true) return `${name} is muted`;
    }
  }
  return expiries.overdue();
}
