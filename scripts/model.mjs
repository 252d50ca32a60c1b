// Searches the models of the protocol exhaustively, within their bounds; see docs/model/README.md.
//   npm run model [-- --histories]      with --histories: also prints the shortest way found to each violation
// Ends with 1 where a verdict is not the expected one, with 2 where spin or a C compiler is missing.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../docs/model', import.meta.url));

/** Two workers and a store that comes back; and one worker, with a cut-over as well. */
const RETURNS = { CUTOVERS: 0, CLAIMS: 3, SAVES: 1, RESTORES: 1 };
const CUTS_OVER = { WORKERS: 1, CLAIMS: 3, SAVES: 1, RESTORES: 1 };
const NEW = 'new';

/** What is searched, and whether a violation is to be found. A rule that is left out must be missed. */
const SEARCHES = [
  { model: 'last-word', rules: 'OLD', bounds: { ...RETURNS, CLAIMS: 2 }, isViolated: true },
  {
    model: 'last-word',
    rules: 'LIVE_ONLY',
    bounds: { ...CUTS_OVER, SAVES: 0, RESTORES: 0 },
    isViolated: true,
  },
  { model: 'last-word', rules: 'UNPROVEN', bounds: RETURNS, isViolated: true },
  { model: 'last-word', rules: NEW, bounds: RETURNS, isViolated: false },
  { model: 'last-word', rules: NEW, bounds: CUTS_OVER, isViolated: false },
  { model: 'lateness', rules: 'OLD', bounds: { CLAIMS: 2, SAVES: 0, RESTORES: 0 }, isViolated: true },
  { model: 'lateness', rules: 'PASSED_OVER', bounds: RETURNS, isViolated: true },
  { model: 'lateness', rules: NEW, bounds: RETURNS, isViolated: false },
  { model: 'lateness', rules: NEW, bounds: CUTS_OVER, isViolated: false },
];

const COMPILER = process.env.CC ?? 'cc';
const SEARCH = ['-O1', '-w', '-DSAFETY', '-DMEMLIM=4000'];
const DEPTH = 5_000;

function refuseWithoutTools() {
  const missing = [
    ['spin', '-V'],
    [COMPILER, '--version'],
  ].filter(([tool, option]) => spawnSync(tool, [option]).status !== 0);
  if (missing.length === 0) return;
  console.error(`missing: ${missing.map(([tool]) => tool).join(', ')}; apt-get install spin gcc`);
  process.exit(2);
}

function run(cwd, tool, args) {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { cwd, encoding: 'utf8', maxBuffer: 1e9 });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

/** Makes the searching program of a model under some rules, and runs it. */
function search({ model, rules, bounds }, cwd) {
  const definitions = Object.entries(bounds).map(([name, value]) => `-D${name}=${value}`);
  if (rules !== NEW) definitions.push(`-D${rules}`);
  const source = `${model}.pml`;
  copyFileSync(join(folder, source), join(cwd, source));
  for (const [tool, ...args] of [
    ['spin', ...definitions, '-a', source],
    [COMPILER, ...SEARCH, '-o', 'pan', 'pan.c'],
  ]) {
    const { status, output } = run(cwd, tool, args);
    if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${output}`);
  }
  const { output } = run(cwd, './pan', [`-m${DEPTH}`, '-w24']);
  const number = (pattern) => Number(pattern.exec(output)?.[1] ?? NaN);
  const errors = number(/errors: (\d+)/);
  const isWhole = !/max search depth too small|Search not completed|out of memory/.test(output);
  return {
    states: number(/(\d+) states, stored/),
    depth: number(/depth reached (\d+)/),
    seconds: number(/elapsed time ([\d.]+)/),
    verdict:
      errors > 0 && /assertion violated/.test(output)
        ? 'violation'
        : errors === 0 && isWhole
          ? 'none'
          : 'incomplete',
    history: () => run(cwd, 'spin', [...definitions, '-t', source]).output,
  };
}

const nameOf = ({ bounds }) =>
  Object.entries(bounds)
    .map(([name, value]) => `${name.toLowerCase()} ${value}`)
    .join(', ');

/** The lines of a history that say what has happened. */
const told = (history) =>
  history
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(worker \d|a copy|the store|the delivery|generation \d)/.test(line));

refuseWithoutTools();
const row = (...cells) =>
  console.log(
    cells
      .map((cell, at) => String(cell).padEnd(WIDTHS[at]))
      .join('  ')
      .trimEnd(),
  );
const WIDTHS = [9, 11, 48, 9, 5, 7, 10];
row('model', 'rules', 'bounds', 'states', 'depth', 'seconds', 'verdict');
for (const each of SEARCHES) {
  const cwd = mkdtempSync(join(tmpdir(), 'model-'));
  try {
    const { states, depth, seconds, verdict, history } = search(each, cwd);
    const isExpected = verdict === (each.isViolated ? 'violation' : 'none');
    if (!isExpected) process.exitCode = 1;
    row(
      each.model,
      each.rules,
      nameOf(each),
      states,
      depth,
      seconds,
      isExpected ? verdict : `${verdict}: NOT EXPECTED`,
    );
    if (verdict === 'violation' && (!isExpected || process.argv.includes('--histories')))
      for (const line of told(history())) console.log(`    ${line}`);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
