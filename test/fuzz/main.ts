import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { grouped } from '../../src/cli/print';
import { execute, type Fuzzing, keep, startFuzzing } from './fuzzer';
import type { Target } from './target';
import { TARGETS } from './targets';

const USAGE = `npm run fuzz -- [options]
  gives every reader of bytes from outside changed inputs, and reports those that break an invariant
    --minutes <n>     for how long, all targets together (1)
    --target <name>   only this one: ${TARGETS.map(({ name }) => name).join(', ')}
    --seed <n>        of the random changes (1)
    --input <file>    reads only this input, with the target that is named`;

const options = {
  minutes: { type: 'string', default: '1' },
  target: { type: 'string' },
  seed: { type: 'string', default: '1' },
  input: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** How long a target runs before the next one has its turn. */
const TURN_MS = 2_000;
/** Progress is printed so often. */
const PRINT_MS = 60_000;
/** Resident memory of the whole process, in MiB: more is a find. */
const RSS_MAX = 512;

const rss = (): number => process.memoryUsage.rss() / 2 ** 20;

function print(fuzzings: readonly Fuzzing[], peak: number): void {
  for (const { target, executions, results, finds, worst } of fuzzings.map((each) => each.report()))
    console.log(
      `${target.padEnd(14)}${grouped(executions).padStart(12)} executions ${grouped(results).padStart(7)} results ` +
        `${String(finds.length).padStart(3)} finds   worst ${worst.ms.toFixed(1).padStart(6)} ms (${worst.input.length} bytes)`,
    );
  console.log(`RSS at most ${peak.toFixed(0)} MiB`);
}

/** Fuzzes in turns; returns whether anything was found. */
async function fuzzAll(targets: readonly Target[], seed: number, minutes: number): Promise<boolean> {
  const fuzzings = await Promise.all(targets.map((target) => startFuzzing(target, seed)));
  const end = performance.now() + minutes * 60_000;
  let printed = performance.now();
  let known = 0;
  let peak = 0;
  while (performance.now() < end) {
    for (const fuzzing of fuzzings) {
      const turn = Math.min(end, performance.now() + TURN_MS);
      await fuzzing.run(() => performance.now() >= turn);
      peak = Math.max(peak, rss());
      const found = fuzzings.flatMap((each) => each.report().finds);
      for (const find of found.slice(known)) {
        const file = keep(find);
        console.log(`FOUND: ${find.target}: ${String(find.error)}`);
        console.log(`repeat with: npm run fuzz -- --target ${find.target} --input ${file}`);
      }
      known = Math.max(known, found.length);
    }
    if (performance.now() - printed < PRINT_MS) continue;
    printed = performance.now();
    print(fuzzings, peak);
  }
  print(fuzzings, peak);
  await Promise.all(fuzzings.map((each) => each.close()));
  if (peak > RSS_MAX) console.log(`FOUND: more than ${RSS_MAX} MiB`);
  return known > 0 || peak > RSS_MAX;
}

async function readOne(target: Target, file: string): Promise<boolean> {
  const opened = await target.open();
  try {
    const { result, ms } = await execute(target, opened, readFileSync(file));
    console.log(`${result}, in ${ms.toFixed(1)} ms`);
    return false;
  } catch (error) {
    console.log(error);
    return true;
  } finally {
    await opened.close?.();
  }
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(USAGE);
    return false;
  }
  const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
  const [first] = targets;
  if (first === undefined) throw new Error(USAGE);
  if (values.input !== undefined) return readOne(first, values.input);
  return fuzzAll(targets, Number(values.seed), Number(values.minutes));
}

void main().then(
  (found) => process.exit(found ? 1 : 0),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
