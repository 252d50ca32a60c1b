// Lets Node run TypeScript that is not built: each file is stripped of its types when it is first required.
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const SWC = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

/** Requires a TypeScript file, and whatever it requires in turn. Dependencies must be installed. */
export function requireTypescript(file) {
  const { transformSync } = require('@swc/core');
  Module._extensions['.ts'] = (module, filename) => {
    const { code } = transformSync(readFileSync(filename, 'utf8'), { ...SWC, filename });
    module._compile(code, filename);
  };
  return require(file);
}
