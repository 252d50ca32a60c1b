// Runs simulated histories of a whole installation in memory, by seed; see test/histories/README.md.
//   node scripts/histories.mjs [--count 10000] [--from 1] [--seed 1]
import { join } from 'node:path';
import { ensureInstalled, root } from './ensure.mjs';
import { requireTypescript } from './typescript.mjs';

ensureInstalled();
requireTypescript(join(root, 'test', 'histories', 'main.ts'));
