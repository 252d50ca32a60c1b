import { randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { efs, startEfs, type Settings, type Worker } from '../fire/processes';
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
  ['kafka', 'registry', 'own-redis', 'browser', 'undisturbed'],
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

describeWithServers(
  ['kafka', 'registry', 'redis', 'browser', 'undisturbed'],
  'efs demo --kafka',
  (servers) => {
    const startDemo = (redisUrl: string): Worker => {
      const name = `demo-${randomBytes(4).toString('hex')}`;
      return startEfs('demo', ['demo', '--kafka', '--seed', '5', '--http-port', '0'], {
        EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
        EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
        EFS_REDIS_URL: redisUrl,
        EFS_TOPIC_PREFIX: `${name}.`,
        EFS_GROUP_ID: name,
        EFS_PARTITIONS: '3',
      });
    };

    it('shows its first figures within ten seconds on real servers, and ends at SIGINT', async () => {
      const demo = startDemo(servers.redisUrl);
      const began = Date.now();
      const browser = await openBrowser();
      try {
        const opened = (): string | undefined => /^Open (\S+)$/m.exec(demo.output())?.[1];
        await until('it prints its address', () => opened() !== undefined);
        const { page, problems } = await openPage(browser, opened()!);
        await page.locator('[data-delivery="mirror-1-EFS"] td.relayed').waitFor();
        expect(Date.now() - began).toBeLessThan(10_000);
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
        demo.signal('SIGINT');
      }
      expect(await demo.ended).toMatchObject({
        exitCode: 0,
        out: expect.stringMatching(/^[\d,]+ messages of \d+ deliveries: /m),
      });
    });

    it('logs the server it waits for, and can be interrupted', async () => {
      const demo = startDemo('redis://127.0.0.1:1');
      await until('it logs the outage', () =>
        demo.hasPrintedError('redis does not answer: waiting until it does'),
      );
      demo.signal('SIGINT');
      const { exitCode, err } = await demo.ended;
      expect(err).toContain('error: interrupted before the servers answered');
      expect(exitCode).toBe(1);
    });
  },
);
