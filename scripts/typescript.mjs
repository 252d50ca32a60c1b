// Turns TypeScript into JavaScript, file by file: for the build, and for Node to run what is not built.
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const SWC = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  // With what Node.js reads to give an `import` the names of the exports.
  module: { type: 'commonjs', exportInteropAnnotation: true },
};

/** The code of a TypeScript file, and its source map. Types are stripped, not checked. `options` are those of swc. */
export function transpiled(filename, options) {
  const { transformSync } = require('@swc/core');
  return transformSync(readFileSync(filename, 'utf8'), { ...SWC, ...options, filename });
}

/**
 * Requires a TypeScript file, and whatever it requires in turn; each is stripped of its types when it is first required.
 * Dependencies must be installed.
 */
export function requireTypescript(file) {
  Module._extensions['.ts'] = (module, filename) =>
    module._compile(transpiled(filename, { sourceMaps: 'inline' }).code, filename);
  return require(file);
}
