// Measures the service on servers of its own; see bench/README.md.
//   node scripts/bench.mjs [throughput | latency | memory] [options]
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { requireTypescript } from './typescript.mjs';

ensureInstalled();
if (!ensureBuilt()) process.exit(1);
requireTypescript(join(root, 'bench', 'main.ts'));
