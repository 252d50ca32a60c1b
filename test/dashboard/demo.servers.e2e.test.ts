import { randomBytes } from 'node:crypto';
import { startEfs, type Worker } from '../fire/processes';
import { until } from '../fire/stage';
import { describeWithServers } from '../servers/servers';
import { openBrowser, openPage } from './browsing';

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
