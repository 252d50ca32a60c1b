import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PACKAGE = dirname(require.resolve('uplot/package.json'));
const VENDORED = join(__dirname, '..', '..', 'src', 'dashboard', 'vendor', 'uPlot');

describe('the vendored files of the page', () => {
  it.each([
    ['dist/uPlot.iife.min.js', 'uPlot.iife.min.js'],
    ['dist/uPlot.min.css', 'uPlot.min.css'],
    ['LICENSE', 'LICENSE'],
  ])('the copy of %s equals the file of the package byte for byte', (original, copy) => {
    expect(readFileSync(join(VENDORED, copy)).equals(readFileSync(join(PACKAGE, original)))).toBe(true);
  });

  it('uPlot has the version that package.json names', () => {
    const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
      version: string;
    };
    const { devDependencies } = JSON.parse(
      readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
    ) as { devDependencies: Record<string, string> };
    expect(devDependencies['uplot']).toBe(version);
  });
});
