import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dice, type Dice } from '../../src/simulation/dice';
import { mutated } from './mutate';
import { Finding, inFewWords, type Opened, type Target } from './target';

const CORPUS = join(__dirname, 'corpus');
/** Inputs of one target that are kept because they came to something new. */
const KEPT = 2_000;
/** Different results that are told apart. */
const RESULTS = 20_000;
/** A slow input is read again so often before it counts: its first time may have compiled code, or collected garbage. */
const AGAIN = 3;

/** An input that breaks an invariant, and how. */
export interface Find {
  readonly target: string;
  readonly input: Buffer;
  readonly error: unknown;
}

export interface Report {
  readonly target: string;
  readonly executions: number;
  /** Different results so far. */
  readonly results: number;
  readonly finds: readonly Find[];
  /** The most that an input took of the processor, and which. */
  readonly worst: { readonly ms: number; readonly input: Buffer };
}

/** The inputs of a target that have been a find once, and others worth keeping. */
export function corpusOf(target: string): { readonly file: string; readonly input: Buffer }[] {
  const folder = join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => ({ file: join(folder, file), input: readFileSync(join(folder, file)) }));
}

/** Adds an input to the corpus; returns its file. */
export function keep({ target, input }: Pick<Find, 'target' | 'input'>): string {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`);
  writeFileSync(file, input);
  return file;
}

/** Time of the processor that this process has taken, in milliseconds: what others take must not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Reads an input; returns its result and what it took of the processor, in milliseconds. Throws what the target throws, and where it is slow. */
export async function execute(
  { maxMs }: Pick<Target, 'maxMs'>,
  opened: Pick<Opened, 'run'>,
  input: Buffer,
): Promise<{ result: string; ms: number }> {
  let least = Infinity;
  for (let left = AGAIN; ; left -= 1) {
    const began = processorMs();
    const result = await opened.run(input);
    least = Math.min(least, processorMs() - began);
    if (least <= maxMs) return { result, ms: least };
    if (left === 0) throw new Finding(`it took ${least.toFixed(0)} ms, at most ${maxMs} are allowed`);
  }
}

/** A target that is being fuzzed: the same seed gives the same inputs, as long as nothing is slow. */
export interface Fuzzing {
  /** Runs inputs until `isOver`, which is asked after each. */
  run(isOver: () => boolean): Promise<void>;
  report(): Report;
  close(): Promise<void>;
}

/** Starts with the seeds and the corpus. */
export async function startFuzzing(target: Target, seed: number): Promise<Fuzzing> {
  const opened = await target.open();
  const random = dice(seed, 1);
  const waiting = [...opened.seeds, ...corpusOf(target.name).map(({ input }) => input)].map((input) =>
    input.subarray(0, target.maxBytes),
  );
  const kept: Buffer[] = [];
  const results = new Set<string>();
  const finds: Find[] = [];
  let executions = 0;
  let worst: Report['worst'] = { ms: 0, input: Buffer.alloc(0) };

  const note = (input: Buffer, result: string): void => {
    if (results.size >= RESULTS || results.has(result)) return;
    results.add(result);
    if (kept.length < KEPT) kept.push(Buffer.from(input));
    else kept[random.below(KEPT)] = Buffer.from(input);
  };
  const next = (): Buffer => waiting.shift() ?? inputFrom(target, opened, random, kept);
  return {
    async run(isOver) {
      do {
        const input = next();
        executions += 1;
        try {
          const { result, ms } = await execute(target, opened, input);
          if (ms > worst.ms) worst = { ms, input: Buffer.from(input) };
          note(input, result);
        } catch (error) {
          const message = `find: ${inFewWords(String(error))}`;
          // One of each kind.
          if (!results.has(message)) finds.push({ target: target.name, input: Buffer.from(input), error });
          note(input, message);
        }
      } while (!isOver());
    },
    report: () => ({ target: target.name, executions, results: results.size, finds, worst }),
    close: async () => opened.close?.(),
  };
}

function inputFrom(target: Target, opened: Opened, random: Dice, kept: readonly Buffer[]): Buffer {
  const others = kept.length === 0 ? [Buffer.alloc(1)] : kept;
  const input = mutated(others[random.below(others.length)]!, random, others, target.maxBytes);
  return opened.repair !== undefined && random.chance(0.7) ? opened.repair(input) : input;
}
