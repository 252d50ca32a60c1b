import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';

const root = join(__dirname, '..');
const IN_MEMORY = /^(?!.*\.(?:sim|io|e2e)\.test\.ts$).*\.test\.ts$/;
const BUNDLES = 2;

/** Declares the tests of a file; one test that fails where the file cannot be loaded, so that the others of its bundle run. */
function load(file: string): void {
  try {
    jest.requireActual(join(root, file));
  } catch (error) {
    it('is loaded', () => {
      throw error;
    });
  }
}

/**
 * Declares every second file of the tests in memory, from `first` on, in one context of Jest: what they import is evaluated once,
 * and not once per file, which takes half of the CPU time of a run.
 */
export function bundle(first: number): void {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    IN_MEMORY.test(file),
  );
  for (const [index, file] of files.sort().entries()) {
    if (index % BUNDLES !== first) continue;
    // A suite per file: hooks of a file apply to its own tests.
    describe(file.replaceAll(sep, '/'), () => load(file));
  }
}
