import { parentPort, Worker } from 'node:worker_threads';
import { assert } from '../base/assert';

/*
 * Commands that fold feedback by the million run in a thread of their own, because a thread can be given a larger young
 * generation and a process cannot give it to itself: V8 fixes it when a heap is made, and the flag would have to be on
 * every command line. A batch waits for Redis longer than the 16 MiB of V8's default last, so its objects are copied
 * needlessly: that costs more than folding it (bench/README.md).
 */

/** The size of each half of the young generation. V8 counts three of them. */
const HALF_MIB = 32;
const HALVES = 3;

const IN_THREAD: readonly (string | undefined)[] = ['run', 'rebuild'];
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
/** Exit codes as a shell reports a process that a signal has ended. */
const ENDED_BY: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };

/** Whether the command of a command line (`process.argv`) runs in a worker thread. */
export const needsWorkerThread = (argv: readonly string[]): boolean => IN_THREAD.includes(argv[2]);

/**
 * Runs a script in a thread, with the rest of its command line. The process passes its signals on to the thread, and ends
 * when the thread does, with its exit code. An uncaught failure in the thread is a failure of the process.
 */
export function inWorkerThread(script: string, rest: readonly string[]): void {
  const limits = { maxYoungGenerationSizeMb: HALVES * HALF_MIB };
  const thread = new Worker(script, { argv: [...rest], resourceLimits: limits });
  for (const signal of SIGNALS) process.on(signal, () => thread.postMessage(signal));
  thread.on('exit', (code) => (process.exitCode = code));
}

/** In the thread: emits the signals that the process forwards as its own. An unhandled one ends the thread. */
export function forwardSignals(): void {
  assert(parentPort !== null, 'signals are passed on to a thread');
  parentPort.on('message', (signal: NodeJS.Signals) => {
    if (!process.emit(signal, signal)) process.exit(ENDED_BY[signal]);
  });
  parentPort.unref();
}
