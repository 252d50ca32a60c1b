import { isatty } from 'node:tty';
import { Command } from 'commander';
import { systemClock } from '../base/clock';
import type { Config, SettingName } from '../settings/table';
import { EfsError } from '../base/errors';
import { domainGroups } from '../kpi/domains';
import { compare } from '../generations/compare';
import type { Comparison } from '../generations/comparison';
import { promote } from '../generations/cutover';
import type { StateSettings } from '../generations/generation';
import { withRetry } from '../tasks/retrying';
import { type Rebuild, startRebuild } from '../generations/rebuild';
import type { OfflineContext } from '../app/offline-context';
import { comparisonLines } from './comparison';
import { EXIT } from '../app/failure';
import { besideWorkers, unlessInterrupted } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, contextOf, readSettings, wholeNumber } from './options';
import { grouped, print } from './print';
import { type Progress, progress } from './progress';
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
const RESUMES = 'interrupted: the candidate is kept, and the same command resumes it';

/** A command may run in a worker thread, whose streams do not know that they lead to the process's terminal. */
const STDERR_FD = 2;
const stderr = {
  isTTY: isatty(STDERR_FD),
  write: (text: string): unknown => process.stderr.write(text),
};

/** A partial replay gives wrong counts: a message's state is a join of all its feedback. */
function rejectPartial({ fromOffset, fromTime }: Options): void {
  const option = fromOffset !== undefined ? '--from-offset' : fromTime !== undefined ? '--from-time' : null;
  if (option === null) return;
  throw new EfsError(
    'rebuild-partial',
    `${option}: not supported: a partial replay gives wrong counts, messages relayed before it would count as new`,
  );
}

/** The settings that are set anywhere; where nothing is set, those of the active generation. */
function wantedSettings(
  config: Config,
  command: Command,
  active: StateSettings,
): Omit<StateSettings, 'partitions'> {
  const { origins } = readSettings(command);
  const isGiven = (name: SettingName): boolean => origins[name] !== undefined;
  return {
    defaultPolicy: isGiven('policy') ? config.policy : active.defaultPolicy,
    domainGroups: isGiven('domainGroups')
      ? domainGroups(config.domainGroups).fingerprint
      : active.domainGroups,
    buckets: isGiven('buckets') ? config.buckets : active.buckets,
  };
}

/** What was folded until the candidate had caught up, and how long that took. */
interface Folded {
  readonly records: number;
  readonly seconds: number;
}

/** Shows the progress of a rebuild until it has caught up. */
async function untilCaughtUp(rebuild: Rebuild, signal: AbortSignal): Promise<Folded> {
  const { done, total } = rebuild.progress();
  const began = systemClock.monotonic();
  const bar = progress(stderr, { total, from: done, what: 'records', clock: systemClock });
  const over = new AbortController();
  const showing = show(rebuild, bar, over.signal);
  try {
    await unlessInterrupted(signal, RESUMES, rebuild.caughtUp());
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

async function compared(
  rebuild: Rebuild,
  { rebuild: deps, retry }: OfflineContext,
  signal: AbortSignal,
): Promise<Comparison> {
  const bar = progress(stderr, { total: 0, what: 'messages compared', clock: systemClock });
  const { contribution } = deps.pipeline.wire;
  const onProgress = (messages: number): void => bar.at(messages);
  const store = withRetry(deps.store, retry);
  const work = compare({ store, rebuild, contribution, clock: systemClock, onProgress });
  try {
    return await unlessInterrupted(signal, RESUMES, work);
  } finally {
    bar.end();
  }
}

async function run(options: Options, command: Command): Promise<void> {
  rejectPartial(options);
  const context = contextOf(command);
  const found = await besideWorkers(context, async (beside, signal) => {
    const active = await beside.retry(() => beside.cutOver.store.active());
    const wanted = active === null ? noState() : wantedSettings(context.config, command, active);
    const rebuild = await startRebuild({ ...beside.rebuild, maxRate: options.maxRate ?? null }, wanted);
    try {
      const { candidate, resumed } = rebuild;
      stderr.write(`${resumed ? 'resuming' : 'building'} state ${candidate.stateId}\n`);
      const folded = await untilCaughtUp(rebuild, signal);
      const comparison = await compared(rebuild, beside, signal);
      const mayPromote = comparison.equal || options.acceptDifferences === true;
      const promotion =
        options.promote && mayPromote
          ? await beside.retry(() => promote(beside.cutOver, candidate.stateId))
          : null;
      report(rebuild, folded, comparison, promotion, options);
      return comparison;
    } finally {
      await rebuild.stop();
    }
  });
  if (!found.equal) process.exitCode = EXIT.DIFFERENT;
}

function noState(): never {
  throw new EfsError('not-found', 'there is no active state to compare with: start `efs run` first');
}

function report(
  { active, candidate }: Rebuild,
  folded: Folded,
  comparison: Comparison,
  promotion: Awaited<ReturnType<typeof promote>> | null,
  options: Options,
): void {
  const [before, after] = [active.stateId, candidate.stateId];
  const promotedAs = promotion === null ? null : promotion.manifest.generation;
  const next =
    promotion !== null
      ? promotionLine(promotion)
      : `state ${after} is a candidate: \`efs promote\` switches to it, \`efs generations drop ${after}\` removes it`;
  const rate = `${grouped(folded.records)} records folded in ${folded.seconds.toFixed(1)} s`;
  print({ active: before, candidate: after, promotedAs, folded, ...comparison }, options, () => [
    `state ${before} (active) and ${after}: ${rate}`,
    ...comparisonLines(comparison),
    next,
  ]);
}

/** `efs rebuild`. */
export function rebuildCommand(): Command {
  const command = new Command('rebuild')
    .option('--max-rate <n>', 'maximum number of records per second', wholeNumber(1, 10_000_000))
    .option('--promote', 'switch to it if it is equal')
    .option('--accept-differences', 'with --promote: switch to it even if it is not equal')
    .option('--json', 'print the report as JSON')
    .option('--from-offset <n>', 'not supported: a partial replay gives wrong counts')
    .option('--from-time <time>', 'not supported: a partial replay gives wrong counts')
    .action(run);
  addSettings(command, ALL_SETTINGS, ['policy', 'domainGroups', 'buckets']);
  return addExample(command, 'efs rebuild --max-rate 20000');
}
