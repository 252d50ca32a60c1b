import { isatty } from 'node:tty';
import { Command } from 'commander';
import { systemClock } from '../base/clock';
import type { Config, SettingName } from '../settings/table';
import { EfsError } from '../base/errors';
import { SETTINGS } from '../settings/table';
import { domainGroups } from '../kpi/domains';
import { compare } from '../generations/compare';
import type { Comparison } from '../generations/comparison';
import { promote } from '../generations/cutover';
import type { StateSettings } from '../generations/generation';
import { withRetry } from '../tasks/retrying';
import { type Rebuild, startRebuild } from '../generations/rebuild';
import { type Beside, besideWorkers } from '../app/offline-context';
import { comparisonLines } from './comparison';
import { EXIT } from '../app/failure';
import { rejectedAtAbort, untilInterrupted } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, commandLog, configOf, flagsOf, wholeNumber } from './options';
import { jsonLine } from './present';
import { grouped, type Progress, progress } from './progress';
import { promotionLine } from './promote';

interface Options {
  readonly maxRate?: number;
  readonly promote?: true;
  readonly acceptDifferences?: true;
  readonly json?: true;
  readonly fromOffset?: string;
  readonly fromTime?: string;
}

const SHOW_MS = 200;

/** The thread that a command may run in has streams of its own, but the process's terminal. */
const STDERR_FD = 2;
const stderr = {
  isTTY: isatty(STDERR_FD),
  write: (text: string): unknown => process.stderr.write(text),
};

/** A state that begins in the middle would lie: it is a join of all feedback. */
function refusePartial({ fromOffset, fromTime }: Options): void {
  const option = fromOffset !== undefined ? '--from-offset' : fromTime !== undefined ? '--from-time' : null;
  if (option === null) return;
  throw new EfsError(
    'rebuild-partial',
    `${option}: a state that begins in the middle would count messages as new whose relay and outcome lie before it`,
  );
}

/** What the command line or the environment asks for; where they say nothing, what the active generation has. */
function wantedSettings(
  config: Config,
  command: Command,
  active: StateSettings,
): Omit<StateSettings, 'partitions'> {
  const flags = flagsOf(command);
  const isGiven = (name: SettingName): boolean =>
    flags[name] !== undefined || (process.env[SETTINGS[name].variable] ?? '').trim() !== '';
  return {
    defaultPolicy: isGiven('policy') ? config.policy : active.defaultPolicy,
    domainGroups: isGiven('domainGroups')
      ? domainGroups(config.domainGroups).fingerprint
      : active.domainGroups,
    buckets: isGiven('buckets') ? config.buckets : active.buckets,
  };
}

/** What was folded until it had caught up, and how long that took. */
interface Took {
  readonly records: number;
  readonly seconds: number;
}

/** Shows how far a rebuild is until it has caught up. */
async function untilCaughtUp(rebuild: Rebuild, signal: AbortSignal): Promise<Took> {
  const { done, total } = rebuild.progress();
  const began = systemClock.monotonic();
  const bar = progress(stderr, { total, from: done, what: 'records', clock: systemClock });
  const over = new AbortController();
  const showing = show(rebuild, bar, over.signal);
  try {
    await Promise.race([rebuild.caughtUp(), rejected(signal)]);
    const seconds = (systemClock.monotonic() - began) / 1_000;
    return { records: rebuild.progress().done - done, seconds };
  } finally {
    over.abort();
    await showing;
    bar.end();
  }
}

async function show(rebuild: Rebuild, bar: Progress, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { done, total } = rebuild.progress();
    bar.at(done, total);
    await systemClock.sleep(SHOW_MS, signal);
  }
}

const rejected = (signal: AbortSignal): Promise<never> =>
  rejectedAtAbort(signal, 'interrupted: what is built stays, and the same command goes on with it');

async function compared(
  rebuild: Rebuild,
  { rebuild: deps, retry }: Beside,
  signal: AbortSignal,
): Promise<Comparison> {
  const bar = progress(stderr, { total: 0, what: 'messages compared', clock: systemClock });
  const { contribution } = deps.pipeline.wire;
  const onProgress = (messages: number): void => bar.at(messages);
  const store = withRetry(deps.store, retry);
  const work = compare({ store, rebuild, contribution, clock: systemClock, onProgress });
  try {
    return await Promise.race([work, rejected(signal)]);
  } finally {
    bar.end();
  }
}

async function run(options: Options, command: Command): Promise<void> {
  refusePartial(options);
  const config = configOf(command);
  const { maxRate = null } = options;
  const found = await untilInterrupted((signal) =>
    besideWorkers(config, commandLog(config), { signal, maxRate }, async (beside) => {
      const active = await beside.retry(() => beside.cutOver.store.active());
      const wanted = active === null ? noState() : wantedSettings(config, command, active);
      const rebuild = await startRebuild(beside.rebuild, wanted);
      try {
        const { candidate, resumed } = rebuild;
        stderr.write(`${resumed ? 'going on with' : 'building'} generation ${candidate.stateId}\n`);
        const took = await untilCaughtUp(rebuild, signal);
        const comparison = await compared(rebuild, beside, signal);
        const mayPromote = comparison.equal || options.acceptDifferences === true;
        const promotion =
          options.promote && mayPromote
            ? await beside.retry(() => promote(beside.cutOver, candidate.stateId))
            : null;
        print(rebuild, took, comparison, promotion, options);
        return comparison;
      } finally {
        await rebuild.stop();
      }
    }),
  );
  if (!found.equal) process.exitCode = EXIT.DIFFERENT;
}

function noState(): never {
  throw new EfsError('not-found', 'there is no state to build another beside: start `efs run` first');
}

function print(
  { active, candidate }: Rebuild,
  took: Took,
  comparison: Comparison,
  promotion: Awaited<ReturnType<typeof promote>> | null,
  options: Options,
): void {
  const [before, after] = [active.stateId, candidate.stateId];
  if (options.json) {
    const promoted = promotion === null ? null : promotion.manifest.generation;
    process.stdout.write(
      `${jsonLine({ active: before, candidate: after, promotedAs: promoted, folded: took, ...comparison })}\n`,
    );
    return;
  }
  const next =
    promotion !== null
      ? promotionLine(promotion)
      : `generation ${after} is a candidate: \`efs promote\` switches to it, \`efs generations drop ${after}\` removes it`;
  const folded = `${grouped(took.records)} records folded in ${took.seconds.toFixed(1)} s`;
  const lines = [
    `generation ${before} (active) and ${after}: ${folded}`,
    ...comparisonLines(comparison),
    next,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** `efs rebuild`. */
export function rebuildCommand(): Command {
  const command = new Command('rebuild')
    .description(
      'build the state anew from the topics, beside the live one, and compare the two; exit code 3 where they differ',
    )
    .option('--max-rate <n>', 'records a second at most', wholeNumber(1, 10_000_000))
    .option('--promote', 'switch to it where it is equal')
    .option('--accept-differences', 'with --promote: switch to it also where it is not')
    .option('--json', 'print the report as JSON')
    .option('--from-offset <n>', 'refused: such a state would lie')
    .option('--from-time <time>', 'refused: such a state would lie')
    .action(run);
  addSettings(command, ALL_SETTINGS);
  return addExample(command, 'efs rebuild --max-rate 20000');
}
