#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { endAtClosedPipe } from './app/closed-pipe';
import { inWorkerThread, needsWorkerThread, forwardSignals } from './app/worker-thread';

// In each thread: what a thread prints may be written by the main one.
endAtClosedPipe();

// Nothing else is loaded before the thread of the command is chosen: each thread has its own heap.
if (isMainThread && needsWorkerThread(process.argv)) {
  inWorkerThread(__filename, process.argv.slice(2));
} else {
  if (!isMainThread) forwardSignals();
  void import('./cli/program.js').then(({ main }) => main());
}
