#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { inWorkerThread, needsWorkerThread, forwardSignals } from './app/worker-thread';

// A reader that closes the pipe (`efs kpis | head`) is not a failure, also where a thread has printed.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

// Nothing else is loaded before the thread of the command is chosen: each thread has its own heap.
if (isMainThread && needsWorkerThread(process.argv)) {
  inWorkerThread(__filename, process.argv.slice(2));
} else {
  if (!isMainThread) forwardSignals();
  void import('./cli/program.js').then(({ main }) => main());
}
