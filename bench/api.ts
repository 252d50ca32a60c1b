import { loadavg } from 'node:os';
import { join } from 'node:path';
import { assert } from '../src/base/assert';
import { type RunningEfs, runNode, startEfs } from './efs';
import { measure } from './latency';
import { cpuSeconds } from './processes';
import { against, grouped, printTable, quantile } from './report';
import { untilDrained } from './throughput';
import { countRecords, fill, inputTopics, PARTITIONS, startWorld } from './world';

export interface ApiOptions {
  /** Of one delivery. */
  readonly messages: number;
  /** Records per second beside the requests. */
  readonly rate: number;
  readonly seconds: number;
}

const PREFIX = 'api.';
const DELIVERY = 'DM1-1';
const REQUESTS_PER_SECOND = 44;
const ASK = join(__dirname, 'doors', 'ask.mjs');
/** `measure` warms up first: requests begin with the measurement. */
const WARM_UP_S = 5;

/** Milliseconds of every answer, sorted, by request. */
type Answers = Readonly<Record<string, readonly number[]>>;

/**
 * The read API's response times for a delivery of a million messages, folded by the service, while the pipeline runs at
 * half of its capacity; and their cost to the pipeline.
 */
export async function benchApi(options: ApiOptions): Promise<void> {
  const world = await startWorld();
  try {
    console.log(`filling the topics with the feedback on ${grouped(options.messages)} messages ...`);
    await fill(world, PREFIX, options.messages, 1, { deliveries: 1, poison: 0.001 });
    const produced = await countRecords(world, inputTopics(PREFIX));
    const efs = await startEfs(world.settings(PREFIX));
    try {
      const began = performance.now();
      await untilDrained(world, [efs], PREFIX, produced);
      const drained = (produced * 1_000) / (performance.now() - began);
      const held = await messagesHeld(efs);
      const { rate } = options;
      console.log(
        `${grouped(held)} messages of ${DELIVERY} drained at ${grouped(drained)} records/s or more`,
      );
      const idle = await ask(efs, Math.min(options.seconds, 20));
      const load = { rate, seconds: options.seconds };
      const alone = await measure(world, load, { prefix: PREFIX, name: 'alone' });
      const cpu = { from: cpuSeconds(efs.pid) };
      const asking = asked(efs, options.seconds);
      const beside = await measure(world, load, { prefix: PREFIX, name: 'beside' });
      const used = (cpuSeconds(efs.pid) - cpu.from) / (options.seconds + WARM_UP_S);
      show(options, { held, rate, idle, busy: await asking, alone, beside, used });
    } finally {
      await efs.stop();
    }
  } finally {
    await world.stop();
  }
}

async function messagesHeld({ port }: RunningEfs): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/deliveries/${DELIVERY}`);
  const { kpis } = (await answer.json()) as { kpis: { relayed: number } };
  return kpis.relayed;
}

async function ask({ port }: RunningEfs, seconds: number): Promise<Answers> {
  const printed = await runNode([ASK], {
    PORT: String(port),
    DELIVERY,
    RATE: String(REQUESTS_PER_SECOND),
    SECONDS: String(seconds),
  });
  return JSON.parse(printed) as Answers;
}

async function asked(efs: RunningEfs, seconds: number): Promise<Answers> {
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_S * 1_000));
  return ask(efs, seconds);
}

function show(
  { seconds }: ApiOptions,
  seen: {
    readonly held: number;
    readonly rate: number;
    readonly idle: Answers;
    readonly busy: Answers;
    readonly alone: readonly number[];
    readonly beside: readonly number[];
    readonly used: number;
  },
): void {
  const { held, rate, idle, busy, alone, beside, used } = seen;
  assert(
    Object.values(busy).every((list) => list.length > 0),
    'every request was made',
  );
  console.log(
    `\n${grouped(held)} messages in one delivery on ${PARTITIONS} partitions, ${grouped(rate)} records/s and ` +
      `${REQUESTS_PER_SECOND} requests/s for ${seconds} s, Node ${process.version}, load average ${grouped(loadavg()[0] ?? NaN, 1)}\n`,
  );
  const figures = (list: readonly number[]) =>
    [0.5, 0.99, 1].map((share) => grouped(quantile(list, share), 1));
  printTable([
    ['answer, ms', 'idle p50', 'p99', 'worst', 'half load p50', 'p99', 'worst', 'floor of p99', ''],
    ...Object.entries(busy).map(([name, list]) => [
      name,
      ...figures(idle[name] ?? []),
      ...figures(list),
      ...against('', quantile(list, 0.99), { most: 50 }, 0).slice(2),
    ]),
  ]);
  console.log('');
  printTable([
    ['record to KPI change, ms', 'p50', 'p99', 'worst'],
    ['without requests', ...figures(alone)],
    ['with requests', ...figures(beside)],
  ]);
  console.log(`CPU of the service with requests: ${grouped(used * 100)} % of a core`);
}
