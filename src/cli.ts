#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { inThread, needsThread, obeySignals } from './app/worker-thread';

// Nothing else is loaded before it is known which thread runs the command: each has a heap of its own.
if (isMainThread && needsThread(process.argv)) {
  inThread(__filename, process.argv.slice(2));
} else {
  if (!isMainThread) obeySignals();
  void import('./cli/program.js').then(({ main }) => main());
}
