import { describeWithServers } from '../servers/servers';
import { areCovered, chances, freezing, keepLogs, killing, openEventLog, type Deaths } from './chaos';
import { verdict } from './evidence';
import { drain, openStage, type Stage, untidy } from './stage';

// EFS_FIRE_SEED repeats a run, as far as processes can be repeated; EFS_FIRE_MESSAGES makes it smaller or larger.
const SEED = Number(process.env['EFS_FIRE_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const MESSAGES = Number(process.env['EFS_FIRE_MESSAGES'] ?? 40_000);
const KILLS = 15;
const PRODUCE_MS = 60_000;

describeWithServers(
  ['kafka', 'registry', 'redis'],
  'a service whose workers are killed and frozen under load',
  (servers) => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await openStage(servers);
    }, 120_000);

    afterAll(async () => {
      await stage?.close();
    }, 60_000);

    it('equals the recount in every message, delivery and dead letter', async () => {
      const events = openEventLog();
      const deaths: Deaths = { kills: 0, points: new Set() };
      let isProduced = false;
      const fences: number[] = [];
      const producing = async (): Promise<void> => {
        const records = untidy(stage.encode, { seed: SEED, messages: MESSAGES, deliveries: 40 });
        const produced = await stage.produce(records, (MESSAGES * 2.25 * 1_000) / PRODUCE_MS);
        isProduced = true;
        events.add(`${produced} records were produced`);
      };
      const freezes = async (): Promise<void> => {
        const source = chances(SEED, 2);
        fences.push(await freezing(stage, { point: 'commit:status', side: 'before' }, source, events));
        fences.push(await freezing(stage, { point: 'emit:kpi', side: 'before' }, source, events));
      };
      const enough = (): boolean => isProduced && fences.length === 2;
      try {
        await Promise.all([
          producing(),
          killing(stage, chances(SEED, 1), { kills: KILLS, events, deaths, enough }),
          freezes(),
        ]);
        events.add('draining');
        await drain(stage, 120_000);
        events.add('drained');
        const found = await verdict(stage);
        events.add(JSON.stringify({ ...found, problems: found.problems.length }));
        expect(found.problems).toEqual([]);
        expect(found.records).toBeGreaterThan(2 * MESSAGES);
        expect(found.deadLetters).toBeGreaterThan(found.records / 1_000);
        expect(deaths.kills).toBeGreaterThanOrEqual(KILLS);
        expect([[...deaths.points], areCovered(deaths)]).toEqual([expect.anything(), true]);
        expect(fences.every((count) => count > 0)).toBe(true);
      } catch (error) {
        const logs = keepLogs(stage);
        process.stderr.write(`\nEFS_FIRE_SEED=${SEED}; logs in ${logs}\n${events.text()}\n`);
        throw error;
      }
      if (process.env['EFS_FIRE_LOG']) process.stderr.write(`\nEFS_FIRE_SEED=${SEED}\n${events.text()}\n`);
    }, 300_000);
  },
);
