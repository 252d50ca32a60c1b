// The packages of package-lock.json that reach users: with the service, or copied into its page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** For development in package.json, but copied into src/dashboard/vendor. */
const VENDORED = ['uplot'];

/** package.json and package-lock.json as they would be without what is for development only. */
export function shipped(folder = root) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const vendored = Object.fromEntries(VENDORED.map((name) => [name, manifest.devDependencies[name]]));
  const dependencies = { ...manifest.dependencies, ...vendored };
  const { devDependencies: _tools, ...service } = manifest;
  const { devDependencies: _locked, ...entry } = lock.packages[''];
  const packages = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && (!dev || VENDORED.includes(nameOf(path))))
    .map(([path, { dev: _dev, ...each }]) => [path, each]);
  return {
    manifest: { ...service, dependencies },
    lock: { ...lock, packages: { '': { ...entry, dependencies }, ...Object.fromEntries(packages) } },
  };
}

/** `b` of `node_modules/a/node_modules/b`. */
export const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
