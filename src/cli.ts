#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { inWorkerThread, needsWorkerThread, forwardSignals } from './app/worker-thread';

// Nothing else is loaded before it is known which thread runs the command: each has a heap of its own.
if (isMainThread && needsWorkerThread(process.argv)) {
  inWorkerThread(__filename, process.argv.slice(2));
} else {
  if (!isMainThread) forwardSignals();
  void import('./cli/program.js').then(({ main }) => main());
}
