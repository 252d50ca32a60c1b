import { availableParallelism } from 'node:os';
import { grouped, median, printTable } from './report';
import { drain, type Drained, RECORDS_PER_MESSAGE } from './throughput';
import { countRecords, fill, inputTopics, startWorld, type World } from './world';

export interface ScaleOptions {
  /** Feedback records in the topics, roughly. */
  readonly records: number;
  readonly repeat: number;
  /** Numbers of workers. */
  readonly workers: readonly number[];
}

/** The speed and cost of draining the same feedback by several workers that share its partitions. */
export async function benchScale({ records, repeat, workers }: ScaleOptions): Promise<void> {
  const world = await startWorld();
  try {
    const runs = new Map<number, Drained[]>(workers.map((count) => [count, []]));
    for (let turn = 1; turn <= repeat; turn++)
      for (const count of workers) {
        const run = await drainBy(world, `run${turn}.of${count}.`, count, records);
        runs.get(count)?.push(run);
        console.log(`run ${turn}: ${grouped(run.rate)} records/s by ${count} worker(s)`);
      }
    show(runs);
  } finally {
    await world.stop();
  }
}

async function drainBy(world: World, prefix: string, workers: number, records: number): Promise<Drained> {
  const messages = await fill(world, prefix, Math.ceil(records / RECORDS_PER_MESSAGE), 1);
  const produced = await countRecords(world, inputTopics(prefix));
  return drain(world, prefix, { produced, messages, profile: false, workers });
}

function show(runs: ReadonlyMap<number, readonly Drained[]>): void {
  const row = (count: number, all: readonly Drained[]): string[] => {
    const middle = (figure: (run: Drained) => number, decimals: number): string =>
      grouped(median(all.map(figure)), decimals);
    return [
      String(count),
      middle(({ rate }) => rate, 0),
      middle(({ efs }) => efs, 1),
      middle(({ redis }) => redis, 1),
      middle(({ kafka }) => kafka, 1),
      middle(({ rss }) => rss / 2 ** 20, 0),
      middle(({ others }) => others * 100, 0),
    ];
  };
  console.log(`\n${availableParallelism()} processors, Node ${process.version}, CPU in µs per record\n`);
  printTable([
    ['workers', 'records/s', 'efs', 'Redis', 'broker', 'peak RSS, MiB', 'others, %'],
    ...[...runs].map(([count, all]) => row(count, all)),
  ]);
}
