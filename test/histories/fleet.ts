import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { live } from './history';
import type { FaultKind } from './faults';
import { type Kind, KINDS } from './kinds';

// Many histories, in several processes: each takes a block of seeds, tells what came of it, and takes the next.

/** What came of some histories, added up. */
export interface Tally {
  histories: number;
  steps: number;
  /** Time that passed in them, in milliseconds. */
  durationMs: number;
  /** Histories in which a kind of fault struck. */
  faults: Partial<Record<FaultKind, number>>;
  /** Seeds of histories in which something did not hold. */
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

/** Lives through the histories of a block, one after the other. */
export async function liveThrough({ kind, from, count }: Block): Promise<Tally> {
  const tally = emptyTally();
  for (let seed = from; seed < from + count; seed += 1) {
    const { scenario, violations, steps, durationMs } = await live(KINDS[kind].scenarioOf(seed));
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
/** Young objects die young here: collecting them less often is a third faster. */
const NODE_OPTIONS = ['--max-semi-space-size=32'];
const SCRIPT = join(__dirname, '..', '..', 'scripts', 'histories.mjs');
/** The argument that makes a process one of a fleet. */
export const MEMBER = '--member';

/** Lives through `count` histories in so many processes. `onBlock` gets the sum after each block. */
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
  const member = async (): Promise<void> => {
    const child = fork(SCRIPT, [MEMBER], { execArgv: NODE_OPTIONS });
    try {
      for (let block = takeBlock(); block !== null; block = takeBlock()) {
        addTally(sum, await askedOf(child, block));
        onBlock(sum);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: processes }, member));
  return sum;
}

function askedOf(child: ChildProcess, block: Block): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error(`a process ended in the block from seed ${block.from}`));
    child.once('exit', gone);
    child.once('message', (tally) => {
      child.off('exit', gone);
      resolve(tally as Tally);
    });
    child.send(block);
  });
}

/** The life of a member: answers blocks until its parent is gone. */
export function serveAsMember(): void {
  process.on('message', (block) => {
    void liveThrough(block as Block).then((tally) => process.send?.(tally));
  });
  process.on('disconnect', () => process.exit());
}
