// Takes the README's pictures of the page: the demo after a minute, in Debian's Chromium.
//   node scripts/screenshots.mjs
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';

const AFTER_MS = 70_000;
const SIZE = { width: 1280, height: 860 };
const VIEWS = { overview: '#/', delivery: '#/deliveries/mirror-1-EFS' };

ensureInstalled();
if (!ensureBuilt()) process.exit(1);
const { chromium } = createRequire(import.meta.url)('playwright-core');
const target = join(root, 'docs', 'images');
mkdirSync(target, { recursive: true });

const demo = spawn(process.execPath, [join(root, 'dist', 'cli.js'), 'demo', '--http-port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const address = await new Promise((resolve) => {
  createInterface({ input: demo.stdout }).on('line', (line) => {
    if (line.startsWith('Open ')) resolve(line.slice('Open '.length));
  });
});
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
for (const [name, hash] of Object.entries(VIEWS)) {
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.newPage({ colorScheme, viewport: SIZE });
    await page.goto(address + hash);
    await page.locator('main h1, main h2, main table').first().waitFor();
    await page.waitForTimeout(3_000);
    await page.screenshot({ path: join(target, `${name}-${colorScheme}.png`) });
    await page.close();
  }
}
await browser.close();
demo.kill();
