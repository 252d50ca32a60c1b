import type { Browser, Page } from 'playwright-core';
import { efs, type Settings, type Worker } from '../fire/processes';
import { openStage, type Stage, until } from '../fire/stage';
import { type RedisServer, startRedis } from '../servers/redis';
import { describeWithServers, type SharedServers } from '../servers/servers';
import { openBrowser, openPage, shownNumber } from './browsing';

/** Simulated campaigns, the same each time. */
const simulate = (stage: Stage, seed: number, more: readonly string[] = []) =>
  efs(
    ['simulate', '--seed', String(seed), '--messages', '600', '--deliveries', '3', '--rate', '0', ...more],
    stage.settings,
  );

const addressOf = (worker: Worker): string => {
  const port = worker.lines().find(({ msg }) => msg === 'starting')?.['port'];
  return `http://127.0.0.1:${String(port)}/`;
};

/** Starts the service and waits until it listens. */
async function listening(stage: Stage, settings: Settings = {}): Promise<string> {
  const worker = stage.run('worker', settings);
  await until('it listens', () => worker.hasLogged('"starting"'));
  return addressOf(worker);
}

const banner = (page: Page) => page.locator('#banner:not([hidden])');

describeWithServers(
  ['kafka', 'registry', 'own-redis', 'browser'],
  'the page of a service on real servers',
  (servers: SharedServers) => {
    let redis: RedisServer;
    let stage: Stage;
    let browser: Browser;
    let address: string;

    beforeAll(async () => {
      redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
      const { kafkaBrokers, registryUrl } = servers;
      [stage, browser] = await Promise.all([
        openStage({ kafkaBrokers, registryUrl, redisUrl: redis.url }, { partitions: 3 }),
        openBrowser(),
      ]);
      address = await listening(stage);
      expect(await simulate(stage, 1)).toMatchObject({ exitCode: 0 });
    }, 120_000);

    afterAll(async () => {
      await browser?.close();
      await stage?.close();
      await redis?.stop();
    });

    it('navigates from all deliveries to one and to a message, without a browser error', async () => {
      const { page, problems } = await openPage(browser, address);
      await page.locator('[data-delivery="DM1-1"] a').click();
      await page.getByRole('heading', { name: /DM1-1/ }).waitFor();
      await page.locator('[data-message] a').first().click();
      await page.getByRole('heading', { name: 'What happened' }).waitFor();
      expect(problems).toEqual([]);
    });

    it('shows new feedback without a reload', async () => {
      const { page, problems } = await openPage(browser, address);
      await page.locator('[data-delivery="DM1-1"]').waitFor();
      expect(await page.locator('[data-delivery="DM2-1"]').count()).toBe(0);
      expect(await simulate(stage, 2)).toMatchObject({ exitCode: 0 });
      const relayed = page.locator('[data-delivery="DM2-1"] td.relayed');
      await relayed.waitFor();
      await until('all of it is shown', async () => shownNumber(await relayed.textContent()) > 200);
      expect(problems).toEqual([]);
    });

    it('shows since when it is stale during a Redis outage, keeps its figures, and recovers by itself', async () => {
      const { page } = await openPage(browser, `${address}#/deliveries/DM1-1`);
      await page.locator('[data-message]').first().waitFor();
      await redis.kill();
      await banner(page).waitFor();
      expect(await banner(page).textContent()).toMatch(
        /^Stale since \d\d:\d\d:\d\d UTC: redis does not answer/,
      );
      await page.goto(`${address}#/`);
      await page.locator('[data-delivery="DM1-1"] td.relayed').waitFor();
      await page.goto(`${address}#/deliveries/DM1-1`);
      await page.getByText('redis does not answer since', { exact: false }).first().waitFor();
      await redis.restart();
      await banner(page).waitFor({ state: 'hidden' });
      await page.locator('[data-message]').first().waitFor();
    });

    it('shows figures and the outage when Redis is down at the start, and messages once it is back', async () => {
      await redis.kill();
      const late = await listening(stage);
      const { page } = await openPage(browser, late);
      await page.locator('[data-delivery="DM1-1"] td.relayed').waitFor();
      expect(await banner(page).textContent()).toContain('redis does not answer');
      await redis.restart();
      await banner(page).waitFor({ state: 'hidden' });
      await page.locator('[data-delivery="DM1-1"] a').click();
      await page.locator('[data-message]').first().waitFor();
    });
  },
);
