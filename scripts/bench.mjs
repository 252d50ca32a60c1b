// Measures the service on servers of its own; see bench/README.md.
//   node scripts/bench.mjs [throughput | latency | memory] [options]
// bench/ is TypeScript that is run as it is: each file is stripped of its types when it is first required.
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

ensureInstalled();
if (!ensureBuilt()) process.exit(1);
const require = createRequire(import.meta.url);
const { transformSync } = require('@swc/core');
const SWC = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), { ...SWC, filename });
  module._compile(code, filename);
};
require('../bench/main.ts');
