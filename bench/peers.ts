import { BATCHED, CONSUME_ONLY, type Peer, type PeerRun, runPeer, STREAMS } from './peer';
import { grouped, median, printTable } from './report';
import { drain, RECORDS_PER_MESSAGE } from './throughput';
import { countRecords, fill, inputTopics, startWorld, type World } from './world';

export interface PeersOptions {
  /** Feedback records in the topics, roughly. */
  readonly records: number;
  readonly repeat: number;
}

const PEERS: readonly Peer[] = [BATCHED, STREAMS, CONSUME_ONLY];

/** The service and its alternatives: on the same topics and servers, one after the other. */
export async function benchPeers({ records, repeat }: PeersOptions): Promise<void> {
  const world = await startWorld();
  try {
    const runs = new Map<string, PeerRun[]>();
    for (let turn = 1; turn <= repeat; turn++) {
      for (const [name, run] of await compare(world, `run${turn}.`, turn, records)) {
        runs.set(name, [...(runs.get(name) ?? []), run]);
        console.log(`run ${turn}: ${grouped(run.rate)} records/s, ${name}`);
      }
    }
    show(runs);
  } finally {
    await world.stop();
  }
}

const OURS = 'efs';

/** The service first: its topics have no other program's KPIs yet. */
async function compare(
  world: World,
  prefix: string,
  seed: number,
  records: number,
): Promise<readonly (readonly [string, PeerRun])[]> {
  const messages = await fill(world, prefix, Math.ceil(records / RECORDS_PER_MESSAGE), seed);
  const produced = await countRecords(world, inputTopics(prefix));
  const { efs, ...ours } = await drain(world, prefix, { produced, messages, profile: false });
  const runs: [string, PeerRun][] = [[OURS, { ...ours, own: efs }]];
  for (const peer of PEERS) runs.push([peer.name, await runPeer(world, prefix, peer, produced)]);
  return runs;
}

function show(runs: ReadonlyMap<string, readonly PeerRun[]>): void {
  const guarantees = new Map([[OURS, 'exactly once in effect'], ...PEERS.map(guaranteeOf)]);
  const row = (name: string, all: readonly PeerRun[]): string[] => {
    const middle = (figure: (run: PeerRun) => number, decimals: number): string =>
      grouped(median(all.map(figure)), decimals);
    return [
      name,
      guarantees.get(name) ?? '',
      middle(({ rate }) => rate, 0),
      middle(({ own }) => own, 1),
      middle(({ kafka }) => kafka, 1),
      middle(({ redis }) => redis, 1),
      middle(({ rss }) => rss / 2 ** 20, 0),
    ];
  };
  console.log(`\nCPU in µs per record, Node ${process.version}\n`);
  printTable([
    ['', 'guarantee', 'records/s', 'own', 'broker', 'Redis', 'peak RSS, MiB'],
    ...[...runs].map(([name, all]) => row(name, all)),
  ]);
}

const guaranteeOf = ({ name, guarantee }: Peer): [string, string] => [name, guarantee];
