import { SETTINGS } from '../../src/settings/table';
import { describeWithServers } from '../servers/servers';
import { keepLogs, openEventLog } from './chaos';
import { verdict } from './evidence';
import { groupLag } from './group-lag';
import { startProbes } from './kpi-age';
import { assignedTo, isReady, type Worker } from './processes';
import { drain, openStage, type Stage, until, untidy } from './stage';

const PARTITIONS = 8;
const PROBES_PER_SECOND = 10;
const TRAFFIC_PER_SECOND = 1_000;
const WITHIN_MS = 60_000;
const AGE_MOST_MS = 10_000;

/** Starts and stops workers as a cluster does: by the readiness of the new one, and by SIGTERM. */
function cluster(stage: Stage, note: (line: string) => void) {
  const shares = (worker: Worker): number[] =>
    (['status', 'kpi'] as const).map((pipeline) => assignedTo(worker, pipeline).length);
  return {
    async start(name: string): Promise<Worker> {
      const worker = stage.run(name);
      await until(`${name} is ready`, () => isReady(worker), WITHIN_MS);
      note(`${name} is ready`);
      return worker;
    },
    async stop(worker: Worker): Promise<void> {
      worker.signal('SIGTERM');
      expect([worker.name, (await worker.ended).exitCode]).toEqual([worker.name, 0]);
      note(`${worker.name} has ended`);
    },
    async areEven(workers: readonly Worker[]): Promise<void> {
      const share = PARTITIONS / workers.length;
      await until(
        `each of ${workers.length} has ${share} partitions`,
        () => workers.every((worker) => shares(worker).every((count) => count === share)),
        WITHIN_MS,
      );
      note(`each of ${workers.length} has ${share} partitions`);
    },
  };
}

/** Feedback at a steady rate until it is stopped. */
function startTraffic(stage: Stage) {
  const stopped = new AbortController();
  function* records() {
    for (const record of untidy(stage.encode, { seed: 1, messages: 1_000_000, deliveries: 20 })) {
      if (stopped.signal.aborted) return;
      yield record;
    }
  }
  const producing = stage.produce(records(), TRAFFIC_PER_SECOND);
  producing.catch(() => undefined); // Where the test has failed, nothing awaits it.
  return {
    stop(): Promise<number> {
      stopped.abort();
      return producing;
    },
  };
}

describeWithServers(['kafka', 'registry', 'redis'], 'workers under traffic', (servers) => {
  it('keep KPIs within 10 s from 1 to 4, through a replacement of each, and back to 1; the figures equal the recount', async () => {
    const settings = { EFS_SESSION_TIMEOUT_MS: SETTINGS.sessionTimeoutMs.fallback };
    const stage = await openStage(servers, { partitions: PARTITIONS, settings });
    const events = openEventLog();
    const { start, stop, areEven } = cluster(stage, events.add);
    try {
      const first = await start('first');
      const probes = await startProbes(stage, PROBES_PER_SECOND);
      const traffic = startTraffic(stage);
      const others = await Promise.all(['second', 'third', 'fourth'].map(start));
      await areEven([first, ...others]);
      const replaced: Worker[] = [];
      for (const worker of [first, ...others]) {
        await stop(worker);
        replaced.push(await start(`${worker.name} of the next release`));
      }
      await areEven(replaced);
      const [last, ...surplus] = replaced;
      for (const worker of surplus) await stop(worker);
      await areEven(last === undefined ? [] : [last]);
      await probes.stop();
      events.add(`${await traffic.stop()} records were produced`);
      await drain(stage);
      events.add('drained');
      const ages = (await probes.ages()).sort((a, b) => a - b);
      const [median, oldest] = [ages[ages.length >> 1] ?? Infinity, ages.at(-1) ?? Infinity];
      const found = await verdict(stage);
      events.add(
        `KPIs came after ${median} ms in the median of ${ages.length} probes, after ${oldest} ms at most`,
      );
      events.add(JSON.stringify({ ...found, problems: found.problems.length }));
      expect(found.problems).toEqual([]);
      expect(ages.length).toBeGreaterThan(500);
      expect(oldest).toBeLessThan(AGE_MOST_MS);
      // Else autoscalers would keep workers that have nothing to do.
      expect(await groupLag(stage, 'status')).toBe(0);
      expect(await groupLag(stage, 'kpi')).toBe(0);
    } catch (error) {
      process.stderr.write(`\nlogs in ${keepLogs(stage)}\n${events.text()}\n`);
      throw error;
    } finally {
      await stage.close();
    }
    if (process.env['EFS_FIRE_LOG']) process.stderr.write(`\n${events.text()}\n`);
  }, 300_000);
});
