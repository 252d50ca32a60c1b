import { readFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { pollMs } from '../servers/child';
import { describeWithServers } from '../servers/servers';
import { type Demo, openBrowser, openPage, startDemo } from './browsing';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What an accessibility audit finds serious or worse. */
async function seriousFindings(page: Page): Promise<string[]> {
  // Not as a script element: the page's own rules would refuse it, as they should.
  await page.evaluate(AXE);
  const found = await page.evaluate<readonly Finding[]>(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

const number = (text: string | null): number => Number((text ?? '').replace(/\D/g, ''));

/** Waits until a cell shows more than before. */
async function grown(cell: Locator, before: number): Promise<boolean> {
  while (number(await cell.textContent()) <= before) await pollMs(50);
  return true;
}

describeWithServers(['browser'], 'the page', () => {
  let demo: Demo;
  let browser: Browser;

  beforeAll(async () => {
    [demo, browser] = await Promise.all([startDemo(['--http-port', '0', '--seed', '3']), openBrowser()]);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await demo?.kill();
  });

  it('leads from all deliveries to one and to a message, and back, without a complaint of the browser', async () => {
    const { page, complaints } = await openPage(browser, demo.address);
    await page.locator('[data-delivery="newsletter-1"] a').click();
    await page.getByRole('heading', { name: /newsletter-1/ }).waitFor();
    const message = page.locator('[data-message] a').first();
    await message.click();
    const id = await page.getByRole('heading', { level: 1 }).textContent();
    expect(page.url()).toContain(`/messages/${encodeURIComponent(id!.trim())}`);
    await page.goBack();
    await page.getByRole('heading', { name: /newsletter-1/ }).waitFor();
    await page.goBack();
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows changes as they come, without a reload', async () => {
    const { page, complaints } = await openPage(browser, demo.address);
    const relayed = page.locator('[data-delivery="newsletter-1"] td.relayed');
    await relayed.waitFor();
    const before = number(await relayed.textContent());
    await expect(grown(relayed, before)).resolves.toBe(true);
    expect(number(await relayed.textContent())).toBeGreaterThan(before);
    expect(complaints).toEqual([]);
  });

  it.each([
    ['all deliveries', '#/'],
    ['a delivery', '#/deliveries/mirror-1-EFS'],
    ['two side by side', '#/deliveries/mirror-1-EFS/beside/mirror-1-RELAY'],
    ['the service', '#/service'],
    ['the glossary', '#/glossary'],
  ])('can be used by everybody: %s, in light and dark', async (_, hash) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await openPage(browser, demo.address + hash, { colorScheme });
      await page.locator('main h1, main h2, main table').first().waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.context().close();
    }
  });

  it('fits a phone: nothing has to be scrolled sideways', async () => {
    for (const hash of ['#/', '#/deliveries/mirror-1-EFS', '#/service']) {
      const { page } = await openPage(browser, demo.address + hash, {
        viewport: { width: 360, height: 740 },
      });
      await page.locator('main h1, main h2, main table').first().waitFor();
      const [content, width] = await page.evaluate<number[]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      );
      expect([hash, content! <= width!]).toEqual([hash, true]);
      await page.context().close();
    }
  });

  it('can be walked by keyboard from the first tab on', async () => {
    const { page } = await openPage(browser, demo.address);
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.locator('[data-delivery="newsletter-1"] a').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /newsletter-1/ }).waitFor();
  });

  it('says that its figures are stale while the service is away, and goes on when it is back', async () => {
    const own = await startDemo(['--http-port', '0', '--seed', '4']);
    const { page } = await openPage(browser, own.address);
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await own.kill();
    await page.locator('#banner:not([hidden])').waitFor();
    const again = await startDemo(['--http-port', new URL(own.address).port, '--seed', '4']);
    try {
      await page.locator('#banner').waitFor({ state: 'hidden' });
      await page.locator('[data-delivery="newsletter-1"]').waitFor();
      await page.reload();
      await page.locator('[data-delivery="newsletter-1"]').waitFor();
    } finally {
      await again.kill();
    }
  });
});
