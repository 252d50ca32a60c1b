import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock';
import { grouped } from '../../src/cli/print';
import { progress } from '../../src/cli/progress';
import { CHILD, runMany, serveBlocks, type Tally } from './parallel';
import { runHistory, type Outcome } from './history';
import { type Kind, KINDS } from './kinds';
import { everything, type Kept, only, shrink } from './shrink';

const USAGE = `npm run histories -- [options]
  runs simulated histories of a whole installation in memory, each decided by its seed
    --count <n>       how many (10000)
    --from <seed>     the first seed (1)
    --processes <n>   child processes (one a core)
    --kind retention  deliveries are retired, and late feedback arrives (usual)
  or prints one of them:
    --seed <n>        which
    --faults <list>   with only these of its faults, by number from 0; none, where empty
    --records <list>  with only these of its records
    --mutant <name>   of a service with this defect
    --shrink          removes the faults and records that are not needed for a violation`;

const options = {
  count: { type: 'string', default: '10000' },
  from: { type: 'string', default: '1' },
  processes: { type: 'string', default: String(availableParallelism()) },
  kind: { type: 'string', default: 'usual' },
  seed: { type: 'string' },
  faults: { type: 'string' },
  records: { type: 'string' },
  mutant: { type: 'string' },
  shrink: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Prints one history, and the command that repeats it. */
function print({ scenario, violations, trace, steps, durationMs }: Outcome, repeat: string): void {
  const { partitions, workers, settings, network, faults, arrivals } = scenario;
  console.log(
    `seed ${scenario.seed}: ${partitions} partitions, ${workers} workers, ${arrivals.length} records`,
  );
  console.log(JSON.stringify({ ...settings, ...network }));
  faults.forEach((fault, place) => console.log(`fault ${place}: ${JSON.stringify(fault)}`));
  for (const line of trace) console.log(line);
  console.log(`${steps} steps in ${(durationMs / 1000).toFixed(1)} s of virtual time`);
  for (const line of violations) console.log(`VIOLATED: ${line}`);
  if (violations.length === 0) console.log('all invariants hold');
  console.log(`repeat with: npm run histories -- ${repeat}`);
}

const numbers = (list: string | undefined, all: readonly number[]): readonly number[] =>
  list === undefined
    ? all
    : list
        .split(',')
        .filter((each) => each !== '')
        .map(Number);

/** The item of this name; throws, with all names, where there is none. */
function named<Named extends { readonly name: string }>(
  what: string,
  name: string,
  all: readonly Named[],
): Named {
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(`no ${what} "${name}"; there are\n${all.map((each) => `  ${each.name}`).join('\n')}`);
}

function kindOf(name: string): Kind {
  const kinds = Object.keys(KINDS).map((each) => ({ name: each as Kind }));
  return named('kind', name, kinds).name;
}

async function printOne(
  kind: Kind,
  seed: number,
  given: { faults?: string; records?: string; mutant?: string; shrink: boolean },
): Promise<boolean> {
  const scenario = KINDS[kind].scenarioOf(seed);
  const mutant = given.mutant === undefined ? {} : named('mutant', given.mutant, KINDS[kind].mutants);
  const all = everything(scenario);
  let kept: Kept = {
    faults: numbers(given.faults, all.faults),
    records: numbers(given.records, all.records),
  };
  if (given.shrink) kept = (await shrink(scenario, mutant)).kept;
  const outcome = await runHistory(only(scenario, kept), { mutant, traced: true });
  print(outcome, commandOf(kind, seed, all, kept, given.mutant));
  return outcome.violations.length === 0;
}

function commandOf(kind: Kind, seed: number, all: Kept, kept: Kept, mutant: string | undefined): string {
  const parts = (['faults', 'records'] as const)
    .filter((part) => kept[part].length < all[part].length)
    .map((part) => ` --${part} ${kept[part].join() || "''"}`);
  const ofKind = kind === 'usual' ? '' : `--kind ${kind} `;
  return `${ofKind}--seed ${seed}${parts.join('')}${mutant === undefined ? '' : ` --mutant "${mutant}"`}`;
}

function summary({ histories, steps, durationMs, faults, violated }: Tally): string {
  const struck = Object.entries(faults).sort(([, a], [, b]) => b - a);
  const hours = durationMs / 3_600_000;
  return [
    `${grouped(histories)} histories, ${grouped(steps)} steps, ${grouped(hours)} h of virtual time`,
    `histories by fault: ${struck.map(([kind, count]) => `${kind} ${grouped(count)}`).join(', ')}`,
    `${violated.length} violated`,
  ].join('\n');
}

const MOST_PRINTED = 3;

async function runSeeds(kind: Kind, from: number, count: number, processes: number): Promise<boolean> {
  const shown = progress(process.stderr, { total: count, what: 'histories', clock: systemClock });
  const began = systemClock.monotonic();
  const tally = await runMany({ kind, from, count, processes }, ({ histories }) => shown.at(histories));
  shown.end();
  for (const seed of tally.violated.slice(0, MOST_PRINTED)) await printOne(kind, seed, { shrink: true });
  const seconds = (systemClock.monotonic() - began) / 1000;
  console.log(summary(tally));
  console.log(`in ${grouped(seconds)} s, seeds ${from} to ${from + count - 1}, ${processes} processes`);
  if (tally.violated.length > 0) console.log(`seeds: ${tally.violated.join(' ')}`);
  return tally.violated.length === 0;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const { seed, count, from, processes } = values;
  const kind = kindOf(values.kind);
  return seed === undefined
    ? runSeeds(kind, Number(from), Number(count), Number(processes))
    : printOne(kind, Number(seed), values);
}

// Stack traces of injected errors are not used, and cost more than all the rest.
Error.stackTraceLimit = 0;

if (process.argv.includes(CHILD)) serveBlocks();
else
  main().then(
    (ok) => (process.exitCode = ok ? 0 : 1),
    (error: unknown) => {
      console.error(String(error));
      process.exitCode = 2;
    },
  );
