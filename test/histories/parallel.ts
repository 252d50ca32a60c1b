import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { runHistory } from './history';
import type { FaultKind } from './faults';
import { type Kind, KINDS } from './kinds';

// Many histories in several child processes: each takes a block of seeds, reports its tally, and takes the next block.

/** The summed outcomes of some histories. */
export interface Tally {
  histories: number;
  steps: number;
  /** Virtual time that passed in them, in milliseconds. */
  durationMs: number;
  /** Histories in which a kind of fault was injected. */
  faults: Partial<Record<FaultKind, number>>;
  /** Seeds of histories that violated an invariant. */
  violated: number[];
}

export const emptyTally = (): Tally => ({ histories: 0, steps: 0, durationMs: 0, faults: {}, violated: [] });

export function addTally(sum: Tally, part: Tally): void {
  sum.histories += part.histories;
  sum.steps += part.steps;
  sum.durationMs += part.durationMs;
  sum.violated.push(...part.violated);
  for (const [kind, count] of Object.entries(part.faults) as [FaultKind, number][])
    sum.faults[kind] = (sum.faults[kind] ?? 0) + count;
}

interface Block {
  readonly kind: Kind;
  readonly from: number;
  readonly count: number;
}

/** Runs the histories of a block, one after the other. */
export async function runBlock({ kind, from, count }: Block): Promise<Tally> {
  const tally = emptyTally();
  for (let seed = from; seed < from + count; seed += 1) {
    const { scenario, violations, steps, durationMs } = await runHistory(KINDS[kind].scenarioOf(seed));
    const kinds = new Set(scenario.faults.map(({ kind }) => kind));
    const faults = Object.fromEntries([...kinds].map((kind) => [kind, 1]));
    addTally(tally, {
      histories: 1,
      steps,
      durationMs,
      faults,
      violated: violations.length > 0 ? [seed] : [],
    });
  }
  return tally;
}

const BLOCK = 100;
/** Most objects die young: less frequent collections of them are a third faster. */
const NODE_OPTIONS = ['--max-semi-space-size=32'];
const SCRIPT = join(__dirname, '..', '..', 'scripts', 'histories.mjs');
/** The argument of a child process. */
export const CHILD = '--child';

/** Runs `count` histories in so many processes. `onBlock` gets the sum after each block. */
export async function runMany(
  { kind, from, count, processes }: Block & { readonly processes: number },
  onBlock: (sum: Tally) => void = () => undefined,
): Promise<Tally> {
  const sum = emptyTally();
  let next = from;
  const takeBlock = (): Block | null => {
    const block = { kind, from: next, count: Math.min(BLOCK, from + count - next) };
    next += block.count;
    return block.count > 0 ? block : null;
  };
  const runChild = async (): Promise<void> => {
    const child = fork(SCRIPT, [CHILD], { execArgv: NODE_OPTIONS });
    try {
      for (let block = takeBlock(); block !== null; block = takeBlock()) {
        addTally(sum, await requestBlock(child, block));
        onBlock(sum);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: processes }, runChild));
  return sum;
}

function requestBlock(child: ChildProcess, block: Block): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const exited = (): void => reject(new Error(`a process ended in the block from seed ${block.from}`));
    child.once('exit', exited);
    child.once('message', (tally) => {
      child.off('exit', exited);
      resolve(tally as Tally);
    });
    child.send(block);
  });
}

/** The loop of a child process: runs blocks until its parent disconnects. */
export function serveBlocks(): void {
  process.on('message', (block) => {
    void runBlock(block as Block).then((tally) => process.send?.(tally));
  });
  process.on('disconnect', () => process.exit());
}
