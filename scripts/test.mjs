// Runs the tests and ends with one plain line, `N passed, N failed`.
//   node scripts/test.mjs [memory] [sim] [io] [e2e] [-- arguments for jest]
// Tests on servers mostly wait: one file more than there are processors runs at a time, and simulations, whose time is virtual,
// take what these leave of the processors. Those that require to be undisturbed, because they measure time, run last, one after
// the other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { join, relative } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';

/** Files shown of those that took longest. */
const SHOWN = 12;
const PRICES = ['memory', 'sim', 'io', 'e2e'];
const split = process.argv.indexOf('--');
const given = process.argv.slice(2, split === -1 ? undefined : split);
const forJest = split === -1 ? [] : process.argv.slice(split + 1);
const unknown = given.filter((price) => !PRICES.includes(price));
if (unknown.length > 0) {
  console.error(
    `unknown: ${unknown.join(' ')}; one or more of ${PRICES.join(' ')}, then -- and arguments for jest`,
  );
  process.exit(1);
}
const prices = given.length > 0 ? given : PRICES;

/** How long a file took, or each file of a bundle: its tests alone. */
function timesOf({ name, startTime, endTime, assertionResults }) {
  const seconds = (ms) => Math.round(ms / 1000);
  if (!name.endsWith('.quick.ts'))
    return [{ name: relative(root, name), seconds: seconds(endTime - startTime) }];
  const times = new Map();
  for (const { ancestorTitles, duration } of assertionResults)
    times.set(ancestorTitles[0], (times.get(ancestorTitles[0]) ?? 0) + (duration ?? 0));
  return [...times].map(([file, ms]) => ({ name: join('test', file), seconds: seconds(ms) }));
}

/** Runs jest on some projects; resolves to its counts, or to one failure where it did not come to an end. */
async function jest(projects, args, { env = {}, yields = false } = {}) {
  const results = join(root, '.cache', `jest-${projects.join('-')}-${process.pid}.json`);
  mkdirSync(join(root, '.cache'), { recursive: true });
  const command = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--selectProjects', ...projects];
  // A test that failed may leave servers running, and jest would wait for them for ever.
  const options = [
    '--passWithNoTests',
    `--testSequencer=${join(root, 'scripts', 'test-sequencer.cjs')}`,
    '--forceExit',
    '--json',
    '--outputFile',
    results,
    ...args,
    ...forJest,
  ];
  const child = spawn(process.execPath, [...command, ...options], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (yields) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const [status] = await once(child, 'close');
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0, files: [] };
  const counts = JSON.parse(readFileSync(results, 'utf8'));
  rmSync(results);
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  return {
    passed: counts.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: counts.numPendingTests,
    files: counts.testResults.flatMap(timesOf),
  };
}

ensureInstalled();
const runs = [];
const asked = (price) => prices.includes(price);
// Whole runs take the tests in memory in bundles of files; arguments for jest may choose a file.
const memory = forJest.length === 0 ? 'quick' : 'memory';
const everyProcessor = '--maxWorkers=100%';
if (asked('memory')) runs.push(await jest([memory], [everyProcessor]));

const isBuilt = !asked('e2e') || ensureBuilt();
if (!isBuilt) runs.push({ passed: 0, failed: 1, skipped: 0, files: [] });
const onServers = ['io', 'e2e'].filter((price) => asked(price) && (price !== 'e2e' || isBuilt));
const filter = `--filter=${join(root, 'scripts', 'test-filter.cjs')}`;
const undisturbed = (which) => ({ env: { EFS_TEST_UNDISTURBED: which } });
const beside = [];
if (asked('sim')) {
  const yields = onServers.length > 0;
  beside.push(jest(['sim'], [everyProcessor, ...(yields ? ['--testTimeout=900000'] : [])], { yields }));
}
if (onServers.length > 0) {
  const workers = `--maxWorkers=${availableParallelism() + 1}`;
  beside.push(jest(onServers, [workers, filter], undisturbed('without')));
}
runs.push(...(await Promise.all(beside)));
if (onServers.length > 0) runs.push(await jest(onServers, ['--runInBand', filter], undisturbed('only')));

const slowest = runs.flatMap(({ files }) => files).sort((a, b) => b.seconds - a.seconds);
console.log('the slowest files, in seconds:');
for (const { name, seconds } of slowest.slice(0, SHOWN))
  console.log(`${String(seconds).padStart(5)}  ${name}`);
const sum = (field) => runs.reduce((total, run) => total + run[field], 0);
if (sum('skipped') > 0) console.log(`${sum('skipped')} skipped: see the lines with *** above`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
