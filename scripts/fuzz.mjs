// Gives every reader of bytes from outside changed inputs; see test/fuzz/main.ts.
//   npm run fuzz -- [--minutes 60] [--target records] [--seed 1] [--input FILE]
import { join } from 'node:path';
import { ensureInstalled, root } from './ensure.mjs';
import { requireTypescript } from './typescript.mjs';

ensureInstalled();
requireTypescript(join(root, 'test', 'fuzz', 'main.ts'));
