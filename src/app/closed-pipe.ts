/*
 * A reader that closes the pipe (`efs kpis | head -1`) is not a failure: the command ends quietly, with exit code 0, as
 * other programs do by SIGPIPE, which Node ignores. It ends at once, or as it has asked for.
 */

let stop = (): void => process.exit(0);

/** Calls `orderly` where a reader has gone, instead of ending the process. */
export function atClosedPipe(orderly: () => void): void {
  stop = orderly;
}

/** Ends the process where a reader of its output has gone, and where its output cannot be written. */
export function endAtClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', ({ code }: NodeJS.ErrnoException) => (code === 'EPIPE' ? stop() : process.exit(1)));
}
