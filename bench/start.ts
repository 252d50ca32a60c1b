import { readMetrics, type RunningEfs, consumingSince, runEfs, startEfs, sumOf } from './efs';
import { sleep } from './processes';
import { grouped, median, printTable } from './report';
import { fill, startWorld, type World } from './world';

export interface StartOptions {
  readonly repeat: number;
}

/** When a start had come so far, in milliseconds since its process was started. */
interface Start {
  readonly listening: number;
  readonly assigned: number;
  readonly committed: number;
}

const PREFIX = 'start.';
/** The state that every start finds. */
const MESSAGES = 20_000;
const ASK_EVERY_MS = 10;

/** How long `efs run` takes from its start to the first records committed, where the state is present and records wait. */
export async function benchStart({ repeat }: StartOptions): Promise<void> {
  const world = await startWorld();
  try {
    await fill(world, PREFIX, MESSAGES, 1);
    await start(world);
    const starts: Start[] = [];
    for (let turn = 1; turn <= repeat; turn++) {
      const more = ['--messages', '1000', '--deliveries', '10', '--seed', String(turn + 1)];
      await runEfs(['simulate', ...more], world.settings(PREFIX));
      const done = await start(world);
      starts.push(done);
      console.log(`run ${turn}: first records committed after ${grouped(done.committed)} ms`);
    }
    show(starts);
  } finally {
    await world.stop();
  }
}

async function start(world: World): Promise<Start> {
  const from = Date.now();
  const efs = await startEfs(world.settings(PREFIX));
  const listening = Date.now() - from;
  const assigned = consumingSince(efs);
  try {
    while ((await foldedBy(efs)) === 0) await sleep(ASK_EVERY_MS);
    const committed = Date.now() - from;
    return { listening, assigned: (await assigned) - from, committed };
  } finally {
    await efs.stop();
  }
}

const foldedBy = async (efs: RunningEfs): Promise<number> =>
  sumOf(await readMetrics(efs), 'efs_records_total', 'folded');

function show(starts: readonly Start[]): void {
  const row = (what: string, of: (start: Start) => number): string[] => [
    what,
    grouped(median(starts.map(of))),
    grouped(Math.max(...starts.map(of))),
  ];
  console.log(`\nNode ${process.version}, milliseconds since the start of the process\n`);
  printTable([
    ['', 'median', 'worst'],
    row('listens', ({ listening }) => listening),
    row('has partitions', ({ assigned }) => assigned),
    row('first records committed', ({ committed }) => committed),
  ]);
}
