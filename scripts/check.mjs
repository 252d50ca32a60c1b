// Everything a machine can say about the code without running the service: types, lint, form, dead code, the
// house's laws. All are run, side by side, and every complaint is shown.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root } from './ensure.mjs';

const CHECKS = {
  types: ['node_modules/typescript/bin/tsc', '-p', '.'],
  'types of the page': ['node_modules/typescript/bin/tsc', '-p', 'src/dashboard/jsconfig.json'],
  lint: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'],
  form: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  'dead code': ['node_modules/knip/bin/knip.js', '--no-progress'],
  laws: [
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    'memory',
    '--silent',
    'test/(tidy|checkout).test.ts',
  ],
  records: ['scripts/generate-types.mjs', '--check'],
  topics: ['scripts/generate-asyncapi.mjs', '--check'],
  glossary: ['scripts/generate-glossary.mjs', '--check'],
};

function run([tool, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, tool), ...args], { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

ensureInstalled();
const results = await Promise.all(
  Object.entries(CHECKS).map(async ([name, command]) => ({ name, ...(await run(command)) })),
);
for (const { name, ok, output } of results) if (!ok) console.log(`--- ${name}\n${output.trim()}\n`);
for (const { name, ok } of results) console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
