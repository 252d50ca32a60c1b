import { FEEDBACK_TOPICS, CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { RETENTION_SCAN_MS } from '../../src/pipeline/retention';
import { LIVE_AS } from '../../src/pipeline/flags';
import { isLive } from '../../src/pipeline/publishing';
import { CONTRIBUTIONS_HASH, FLAGS_HASH } from '../../src/store/hashes';
import { HOUR } from '../support/feedback';
import { type Installation, installationOf } from './installation';
import { violationsOf } from './invariants';
import type { Mutant } from './instance';
import { type Processes, type Nemesis, nemesisOf } from './nemesis';
import { latency } from './network';
import type { Scenario } from './scenario';
import type { Schedule } from './schedule';
import { recordedTrace, noTrace } from './trace';
import { type Operator, startOperator } from './operator';
import { startWorker, type Worker } from './worker';

/** The outcome of one history. */
export interface Outcome {
  readonly scenario: Scenario;
  /** The invariants that do not hold, one readable line each; empty where all hold. */
  readonly violations: readonly string[];
  readonly steps: number;
  /** The history's duration in virtual time. */
  readonly durationMs: number;
  /** What happened, where a trace was requested. */
  readonly trace: readonly string[];
}

/** Time within which the installation must be at rest after the last fault. */
const SETTLES_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
/** How long after its relay a message without an outcome expires, at most. */
const VALIDITY_MS = 90 * HOUR;
/** Walks until every old delivery has been found twice, retired, published and removed. */
const WALKS_NEEDED = 8;
/** Idle tasks run their timed work every five seconds. */
const WALKED_WITHIN_MS = 11_000;
/** Delay until a worker that was refused is started restart with corrected settings. */
const RESTARTED_AFTER_MS = 1_000;
/** Far more steps than any history needs. */
const MOST_STEPS = 30_000;

/** Runs a history from begin to end: the same scenario gives the same outcome. */
export async function runHistory(
  scenario: Scenario,
  { mutant = {}, traced = false }: { readonly mutant?: Mutant; readonly traced?: boolean } = {},
): Promise<Outcome> {
  let now = (): number => 0;
  const trace = traced ? recordedTrace(() => now()) : noTrace;
  const installation = installationOf(scenario, trace, mutant.without ?? []);
  now = installation.schedule.now;
  const processes = processesOf(installation, mutant);
  const nemesis = nemesisOf(installation, processes, ['efs-status', 'efs-kpi']);
  produce(installation);
  for (let worker = 0; worker < scenario.workers; worker += 1)
    installation.schedule.after(latency(installation), processes.start);
  const unrest = (await runFaults(installation, nemesis)) ?? (await awaitRest(installation, processes));
  const all = [...processes.workers, ...processes.operators];
  let violations = unrest === null ? await violationsOf(installation, all) : [unrest];
  if (violations.length === 0 && scenario.settings.retentionMs !== null)
    violations = [
      ...(await passRetention(installation, processes)),
      ...(await violationsOf(installation, all)),
    ];
  for (const each of all) each.returnDecoders();
  return {
    ...{ scenario, violations, trace: trace.lines },
    steps: installation.schedule.taken(),
    durationMs: installation.schedule.now(),
  };
}

function processesOf(installation: Installation, mutant: Mutant): Processes {
  const workers: Worker[] = [];
  const operators: Operator[] = [];
  const start = (): void => {
    const restart = (): void => void installation.schedule.after(RESTARTED_AFTER_MS, start);
    workers.push(startWorker(installation, `worker ${workers.length + 1}`, mutant, restart));
  };
  return {
    ...{ workers, operators, start },
    command(order) {
      const operator = startOperator(installation, `operator ${operators.length + 1}`, order, mutant);
      operators.push(operator);
      return operator;
    },
  };
}

function produce({ scenario, schedule, log, trace }: Installation): void {
  for (const { at, record } of scenario.arrivals) {
    const { topic, partition, key, value, headerCount } = record;
    const headers = Array.from({ length: headerCount }, () => HEADER);
    schedule.after(at, () => {
      const offset = log.append(topic, partition, { key, value, headers });
      trace.add('producer', () => `${topic}/${partition}/${offset} ${String(key)}`);
    });
  }
}

const HEADER = { name: Buffer.from('h'), value: Buffer.from('v') };

/** Runs until every record is in the log and every fault is over. Returns what is wrong where it never ends. */
async function runFaults({ schedule, scenario }: Installation, nemesis: Nemesis): Promise<string | null> {
  const lastArrival = scenario.arrivals.at(-1)?.at ?? 0;
  while (schedule.now() <= lastArrival || !nemesis.isOver()) {
    nemesis.injectDue();
    if (!(await schedule.step(Infinity))) return 'no step is left before the last fault';
    if (schedule.taken() > MOST_STEPS) return `after ${MOST_STEPS} steps faults are still active`;
  }
  return null;
}

/** Runs until the installation is at rest and stays so. Returns what is wrong where that takes too long. */
async function awaitRest(installation: Installation, processes: Processes): Promise<string | null> {
  const { schedule, calm, trace } = installation;
  calm.reached = true;
  trace.add('***', () => 'no more faults from here on');
  if (processes.workers.every(({ process }) => process.dead)) processes.start();
  const deadline = Math.max(schedule.now(), installation.lastEffect()) + SETTLES_WITHIN_MS;
  let why: string | null = '';
  while (why !== null) {
    const until = schedule.now() + LOOK_EVERY_MS;
    while (await schedule.step(until)) if (schedule.taken() > MOST_STEPS) return `never rests: ${why}`;
    why =
      installation.lastEffect() > until
        ? 'a request is in flight'
        : (pendingWork(installation) ?? notReady(processes));
    if (until > deadline && why !== null) return `after ${SETTLES_WITHIN_MS} ms of calm, ${why}`;
  }
  return null;
}

/** Runs until no message is left of any delivery. Returns what is wrong where that takes too long. */
async function passRetention(installation: Installation, processes: Processes): Promise<string[]> {
  const { schedule, scenario, trace } = installation;
  trace.add('***', () => 'no more feedback on any delivery');
  schedule.leap((scenario.settings.retentionMs ?? 0) + VALIDITY_MS);
  for (let walk = 0; walk < WALKS_NEEDED; walk += 1) {
    schedule.leap(RETENTION_SCAN_MS);
    await advance(schedule, WALKED_WITHIN_MS);
    const unrest = await awaitRest(installation, processes);
    if (unrest !== null) return [unrest];
  }
  return leftovers(installation);
}

async function advance(schedule: Schedule, ms: number): Promise<void> {
  const until = schedule.now() + ms;
  while (await schedule.step(until));
}

/** What the active generation still stores and should have removed, by name of its hash. */
function leftovers({ store }: Installation): string[] {
  const { manifest, tasks } = store.snapshot();
  return [...tasks]
    .filter(([task]) => task.includes(`{${manifest?.stateId}.s.`))
    .flatMap(([task, { hashes }]) =>
      [...hashes.keys()]
        .filter((hash) => hash !== FLAGS_HASH && hash !== CONTRIBUTIONS_HASH)
        .map((hash) => `${task} still holds ${hash}`),
    );
}

/** Why a worker is not ready, or null. */
function notReady({ workers }: Processes): string | null {
  for (const { process, reasons } of workers) {
    const [first] = process.dead ? [] : reasons;
    if (first !== undefined) return `${process.name} is not ready: ${first.join(', ')}`;
  }
  return null;
}

const INPUTS = FEEDBACK_TOPICS.map(({ topic }) => topic);

/** The work that is still to be done, or null. */
function pendingWork({ store, log, scenario, expiries }: Installation): string | null {
  const { manifest, tasks } = store.snapshot();
  if (manifest === null) return 'there is no generation';
  if (manifest.contributionsFrom === null) return 'a cut-over is not complete';
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
      if (task.outbox !== null) return `${name} has records in its outbox`;
      const liveAs = task.hashes.get(FLAGS_HASH)?.get(LIVE_AS.toString('latin1'));
      if (!isLive(manifest, liveAs === undefined ? null : Number(liveAs.value.toString('latin1'))))
        return `${name} is suppressed`;
    }
  }
  return expiries.overdue();
}
