import { describeWithServers } from '../servers/servers';
import { assignedTo } from './processes';
import { openStage, type Stage, standing, until } from './stage';

const PARTITIONS = 12;
const PIPELINES = ['status', 'kpi'] as const;
type Pipeline = (typeof PIPELINES)[number];

/** Owner and epoch of every partition of a pipeline, or null where a partition has none, or two. */
async function owners(stage: Stage, pipeline: Pipeline): Promise<{ owner: string; epoch: number }[] | null> {
  const living = stage.workers().filter((worker) => worker.alive());
  const tasks = await standing(stage, pipeline);
  const found = (tasks ?? []).map((task, partition) => ({
    owners: living.filter((worker) => assignedTo(worker, pipeline).includes(partition)),
    epoch: task?.epoch ?? 0,
  }));
  if (tasks === null || found.some((each) => each.owners.length !== 1)) return null;
  return found.map((each) => ({ owner: each.owners[0]?.name ?? '', epoch: each.epoch }));
}

describeWithServers(['kafka', 'registry', 'redis'], 'workers that join and leave', (servers) => {
  it('share all partitions evenly; few partitions move, and the others are not claimed again', async () => {
    const stage = await openStage(servers, { partitions: PARTITIONS });
    /** Waits until the pipeline's partitions are assigned in these numbers, and moved ones are claimed; returns the owners. */
    const shared = async (
      pipeline: Pipeline,
      shares: number[],
      before: Awaited<ReturnType<typeof owners>>,
    ) => {
      let now: Awaited<ReturnType<typeof owners>> = null;
      await until(`${pipeline} is shared as ${shares.join(', ')}`, async () => {
        now = await owners(stage, pipeline);
        const counts = new Map<string, number>();
        for (const { owner } of now ?? []) counts.set(owner, (counts.get(owner) ?? 0) + 1);
        const isEven = [...counts.values()].sort().join() === shares.join();
        const moved = now?.filter(({ owner }, partition) => owner !== before?.[partition]?.owner) ?? [];
        return isEven && moved.every(({ epoch }) => epoch > 0) && areClaimed(now, before);
      });
      return now as unknown as { owner: string; epoch: number }[];
    };
    const areClaimed = (
      now: Awaited<ReturnType<typeof owners>>,
      before: Awaited<ReturnType<typeof owners>>,
    ) =>
      now?.every(({ owner, epoch }, partition) => {
        const was = before?.[partition];
        return owner === was?.owner || epoch > (was?.epoch ?? 0);
      }) === true;
    /** The number of moved partitions; those that stayed must have kept their epoch. */
    const moves = (now: { owner: string; epoch: number }[], before: { owner: string; epoch: number }[]) => {
      const stayed = now.flatMap((each, partition) =>
        each.owner === before[partition]?.owner ? [partition] : [],
      );
      expect(stayed.map((partition) => now[partition]?.epoch)).toEqual(
        stayed.map((partition) => before[partition]?.epoch),
      );
      return PARTITIONS - stayed.length;
    };
    const step = async (shares: number[], mostMoves: number): Promise<void> => {
      for (const pipeline of PIPELINES) {
        const before = known[pipeline];
        const now = await shared(pipeline, shares, before);
        if (before !== null) expect(moves(now, before)).toBeLessThanOrEqual(mostMoves);
        known[pipeline] = now;
      }
    };
    const known: Record<Pipeline, Awaited<ReturnType<typeof owners>>> = { status: null, kpi: null };
    try {
      const [first] = [stage.run('first')];
      await step([12], 12);
      stage.run('second');
      await step([6, 6], 6);
      const third = stage.run('third');
      await step([4, 4, 4], 4);
      third.signal('SIGTERM');
      expect((await third.ended).exitCode).toBe(0);
      await step([6, 6], 4);
      first.signal('SIGKILL');
      await first.ended;
      await step([12], 6);
    } finally {
      await stage.close();
    }
  }, 120_000);
});
