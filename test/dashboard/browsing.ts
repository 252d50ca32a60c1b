import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');

/** `efs demo` as a process. */
export interface Demo {
  readonly address: string;
  /** Kills the process with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts the demo; resolves when it prints its address. */
export async function startDemo(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Demo> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_'));
  const child = spawn(process.execPath, [CLI, 'demo', ...args], {
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the demo ended with ${String(code)}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, found] = /^Open (http\S+)$/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return { address, kill: () => ended(child) };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Debian's Chromium, without its background requests. */
export function openBrowser(): Promise<Browser> {
  const quiet = ['background-networking', 'component-update', 'sync', 'default-apps'];
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet.map((what) => `--disable-${what}`)],
  });
}

export const PHONE = { width: 360, height: 740 };
export const SCHEMES = ['light', 'dark'] as const;
export const SCREEN = { width: 1280, height: 900 };

/** A page with the errors and warnings of the console of its browser. */
export interface WatchedPage {
  readonly page: Page;
  readonly problems: string[];
}

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: SCREEN, ...options });
  // As long as a test may take: a busy machine shows a view late.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  await page.goto(address);
  return { page, problems };
}

/** How a page is looked at. */
export interface Look {
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** Shows a view in a page that is open, without loading it again; resolves when nothing of the view is loading. */
export async function visit(
  page: Page,
  hash: string,
  { colorScheme = 'light', viewport = SCREEN }: Look = {},
): Promise<void> {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
  // The page's own listener comes first: when this one is called, the view has been chosen.
  await page.evaluate(`new Promise((resolve) => {
    if (location.hash === ${JSON.stringify(hash)}) return resolve();
    addEventListener('hashchange', () => resolve(), { once: true });
    location.hash = ${JSON.stringify(hash)};
  })`);
  await page.locator('main .note.loading').first().waitFor({ state: 'detached' });
}

/** The number in a cell's text; NaN where there is no number. */
export const shownNumber = (text: string | null): number =>
  Number.parseInt((text ?? '').replace(/\D/g, ''), 10);

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** The findings of an accessibility audit that are serious or worse. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Not as a script element: the page's content security policy refuses that.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE);
  const found = await page.evaluate<readonly Finding[]>(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}
