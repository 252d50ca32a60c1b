import type { Browser, Locator, Page } from 'playwright-core';
import { pollMs } from '../servers/child';
import { describeWithServers } from '../servers/servers';
import {
  type Demo,
  openBrowser,
  openPage,
  PHONE,
  SCHEMES,
  SCREEN,
  seriousFindings,
  shownNumber,
  startDemo,
  visit,
  type WatchedPage,
} from './browsing';

const TOKEN = 'open-sesame-if-you-please';
const SECURED = { EFS_HTTP_TOKEN: TOKEN };

/** The route of a message that has failed, so that it has several events. */
async function anyMessage(address: string): Promise<string> {
  for (;;) {
    const answer = await fetch(`${address}api/deliveries/mirror-1-EFS/messages?status=FAILED&limit=1`);
    const { messages = [] } = (await answer.json()) as { messages?: readonly { messageId: string }[] };
    const [message] = messages;
    if (message !== undefined) return `#/deliveries/mirror-1-EFS/messages/${message.messageId}`;
    await pollMs(100);
  }
}

/** Waits until the number in a cell has grown. */
async function grown(cell: Locator, before: number): Promise<boolean> {
  while (shownNumber(await cell.textContent()) <= before) await pollMs(50);
  return true;
}

const logIn = async (page: Page, token: string): Promise<void> => {
  await page.getByLabel('Token of this service').fill(token);
  await page.keyboard.press('Enter');
};

// Loading the page costs more than anything else here: the cases share one tab, and each shows its views in it.
describeWithServers(['browser'], 'the page', () => {
  let demo: Demo;
  /** A demo that requires a token. */
  let secured: Demo;
  let browser: Browser;
  let tab: WatchedPage;

  beforeAll(async () => {
    [demo, secured, browser] = await Promise.all([
      // Slow enough that its first campaigns are still being relayed when the cases that wait for that begin.
      startDemo(['--http-port', '0', '--seed', '3', '--speed', '150']),
      startDemo(['--http-port', '0', '--seed', '5'], SECURED),
      openBrowser(),
    ]);
    tab = await openPage(browser, demo.address);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await Promise.all([demo?.kill(), secured?.kill()]);
  });

  /** The errors and warnings of the browser since the last call. */
  const problems = (): string[] => tab.problems.splice(0);

  it('shows changes without a reload', async () => {
    const relayed = tab.page.locator('[data-delivery="newsletter-1"] td.relayed');
    await relayed.waitFor();
    const before = shownNumber(await relayed.textContent());
    await expect(grown(relayed, before)).resolves.toBe(true);
    expect(shownNumber(await relayed.textContent())).toBeGreaterThan(before);
    expect(problems()).toEqual([]);
  });

  it('keeps two tabs current, also the one in the background', async () => {
    const { page: one } = tab;
    await visit(one, '#/');
    const relayed = one.locator('[data-delivery="newsletter-1"] td.relayed');
    await relayed.waitFor();
    const before = shownNumber(await relayed.textContent());
    const other = await one.context().newPage();
    await other.goto(`${demo.address}#/deliveries/newsletter-1`);
    const asOf = other.locator('.asof');
    await asOf.waitFor();
    const then = await asOf.textContent();
    while ((await asOf.textContent()) === then) await pollMs(50);
    await one.bringToFront();
    await grown(relayed, before);
    await other.close();
    expect(problems()).toEqual([]);
  });

  it('navigates from all deliveries to one, to a message and back, without a browser error', async () => {
    const { page } = tab;
    await visit(page, '#/');
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
    expect(problems()).toEqual([]);
  });

  it.each([
    ['all deliveries', '#/'],
    ['a delivery', '#/deliveries/mirror-1-EFS'],
    ['two side by side', '#/deliveries/mirror-1-EFS/beside/mirror-1-RELAY'],
    ['the service', '#/service'],
    ['the glossary', '#/glossary'],
  ])('has no serious accessibility finding: %s, in light and dark', async (_, hash) => {
    for (const colorScheme of SCHEMES) {
      await visit(tab.page, hash, { colorScheme });
      await tab.page.locator('main h1, main h2, main table').first().waitFor();
      expect(await seriousFindings(tab.page)).toEqual([]);
      expect(problems()).toEqual([]);
    }
  });

  it('has no serious accessibility finding: a message, in light and dark, on a screen and on a phone', async () => {
    const message = await anyMessage(demo.address);
    for (const colorScheme of SCHEMES) {
      for (const viewport of [SCREEN, PHONE]) {
        await visit(tab.page, message, { colorScheme, viewport });
        await tab.page.getByRole('heading', { name: 'What happened' }).waitFor();
        expect(await seriousFindings(tab.page)).toEqual([]);
        expect(problems()).toEqual([]);
      }
    }
  });

  it('has no serious accessibility finding on views without content', async () => {
    for (const hash of ['#/deliveries/none', '#/deliveries/none/messages/none', '#/nowhere']) {
      await visit(tab.page, hash);
      await tab.page.locator('main .note:not(.loading)').waitFor();
      expect([hash, await seriousFindings(tab.page)]).toEqual([hash, []]);
    }
    // The browser reports each answer of 404.
    expect(problems().filter((problem) => !problem.includes('404'))).toEqual([]);
  });

  it('fits a phone: no view scrolls sideways or has a serious accessibility finding', async () => {
    const views = ['#/', '#/deliveries/mirror-1-EFS', '#/service', '#/glossary'];
    for (const hash of [
      ...views,
      '#/deliveries/mirror-1-EFS/beside/mirror-1-RELAY',
      await anyMessage(demo.address),
    ]) {
      await visit(tab.page, hash, { viewport: PHONE });
      await tab.page.locator('main h1, main h2, main table').first().waitFor();
      const [content, width] = await tab.page.evaluate<number[]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      );
      expect([hash, content! <= width!]).toEqual([hash, true]);
      expect([hash, await seriousFindings(tab.page)]).toEqual([hash, []]);
    }
  });

  it('can be operated by keyboard from the skip link to a delivery', async () => {
    const { page } = tab;
    await visit(page, '#/');
    await page.reload();
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.locator('[data-delivery="newsletter-1"] a').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /newsletter-1/ }).waitFor();
  });

  it('can be operated by keyboard to a message and to a task', async () => {
    const { page } = tab;
    await visit(page, '#/deliveries/mirror-1-EFS');
    await page.locator('[data-message] a').first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'What happened' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.getByRole('link', { name: 'Service', exact: true }).focus();
    await page.keyboard.press('Enter');
    const task = page.getByRole('button', { name: /kpi partition 1/ });
    await task.focus();
    await page.keyboard.press('Space');
    await page.getByText('KPI task of partition 1').waitFor();
    expect(await task.getAttribute('aria-pressed')).toBe('true');
  });

  it('asks for a configured token, rejects a wrong one, and keeps the session over a reload', async () => {
    const { page } = await openPage(browser, secured.address, { viewport: PHONE });
    const hasNoFindings = async (): Promise<void> => {
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        expect([colorScheme, await seriousFindings(page)]).toEqual([colorScheme, []]);
      }
    };
    await page.getByLabel('Token of this service').waitFor();
    await hasNoFindings();
    await logIn(page, 'open-barley');
    await page.getByText('This is not the token.').waitFor();
    await hasNoFindings();
    await logIn(page, TOKEN);
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.reload();
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.context().close();
  });

  it('marks its figures as stale while the service is down, and recovers when it is back', async () => {
    const { page } = await openPage(browser, secured.address);
    await logIn(page, TOKEN);
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    const { port } = new URL(secured.address);
    await secured.kill();
    await page.locator('#banner:not([hidden])').waitFor();
    secured = await startDemo(['--http-port', port, '--seed', '5'], SECURED);
    await page.locator('#banner').waitFor({ state: 'hidden' });
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.reload();
    await page.locator('[data-delivery="newsletter-1"]').waitFor();
    await page.context().close();
  });
});
