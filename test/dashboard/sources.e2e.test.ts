import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { describeWithServers } from '../servers/servers';
import {
  type Demo,
  openBrowser,
  openPage,
  PHONE,
  SCREEN,
  SCHEMES,
  seriousFindings,
  startDemo,
  visit,
} from './browsing';

const source = {
  ...{ name: 'spark', format: 'sparkpost', lastEventAt: null, feedback: 0, ignored: 0 },
  ...{ deadLetters: {}, events: {}, unmatched: null },
};

describeWithServers(['browser'], 'the sources on the page', () => {
  let ingester: Server;
  let demo: Demo;
  let browser: Browser;

  beforeAll(async () => {
    ingester = createServer((_, response) => {
      const unmatched =
        'most events of source kumo name no message; this rule finds one: deliveryId: meta.campaign';
      const kumo = {
        ...source,
        name: 'kumo',
        format: 'kumomta',
        lastEventAt: Date.now(),
        feedback: 3,
        unmatched,
      };
      const sources = [source, { ...kumo, events: { Delivery: 3 }, deadLetters: { unmatched: 20 } }];
      response.end(JSON.stringify({ startedAt: Date.UTC(2026, 10, 25), sources }));
    });
    await new Promise<void>((resolve) => ingester.listen(0, '127.0.0.1', resolve));
    const { port } = ingester.address() as AddressInfo;
    [demo, browser] = await Promise.all([
      startDemo(['--http-port', '0', '--seed', '7'], {
        EFS_INGEST_URLS: `http://127.0.0.1:${port},http://127.0.0.1:1`,
      }),
      openBrowser(),
    ]);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await demo?.kill();
    ingester?.close();
  });

  it('tell a source without bounces from one without events, warn of an unmatched source and an ingester that does not answer, and are accessible', async () => {
    const { page, problems } = await openPage(browser, demo.address);
    await visit(page, '#/service');
    const panel = page.locator('.of-sources');
    await panel.getByText('none since 2026-11-25 00:00:00 UTC').waitFor();
    await panel.getByText('Delivery 3').waitFor();
    const warnings = await panel.locator('.reasons li.bad').allTextContents();
    expect(warnings).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:1 does not answer/),
      expect.stringMatching(/^kumo most events .* this rule finds one: deliveryId: meta\.campaign$/),
    ]);
    for (const colorScheme of SCHEMES) {
      for (const viewport of [SCREEN, PHONE]) {
        await visit(page, '#/service', { colorScheme, viewport });
        expect(await seriousFindings(page)).toEqual([]);
      }
    }
    const [content, width] = await page.evaluate<number[]>(
      '[document.documentElement.scrollWidth, innerWidth]',
    );
    expect(content).toBeLessThanOrEqual(width!);
    expect(problems).toEqual([]);
  }, 180_000); // Chromium audits the page in four forms.
});
