import { CommanderError } from 'commander';
import { EfsError, type ErrorCode } from '../base/errors';
import { printable } from '../base/log';

/** Exit codes: 0 done, 1 failed, 2 correct the command, the settings or the set-up first, 3 generations differ. */
export const EXIT = { OK: 0, FAILED: 1, MISFIT: 2, DIFFERENT: 3 } as const;

const MISFITS: readonly ErrorCode[] = [
  'config-invalid',
  'access-refused',
  'tls-failed',
  'redis-evicts',
  'redis-replica',
  'clock-ahead',
  'topic-missing',
  'topic-unfit',
  'topic-replaced',
  'not-co-partitioned',
  'group-shared',
  'former-workers',
  'schema-missing',
  'schema-unfit',
  'generation-unfit',
  'generation-incomplete',
  'generation-dropping',
  'candidate-unfit',
  'rebuild-partial',
  'generation-active',
];

/** Text of several lines, each cleared of control characters; the later ones indented under the first. */
function block(label: string, text: string): string {
  const indent = ' '.repeat(label.length + 2);
  return `${label}: ${text.split('\n').map(printable).join(`\n${indent}`)}\n`;
}

/**
 * The standard error output and the exit code of a command that threw. A failure of the table is one message and its
 * remedy; anything else is a bug. The stack is shown only when `verbose`.
 */
export function failureOf(error: unknown, verbose: boolean): { text: string; exitCode: number } {
  // Commander has already printed what is wrong with the command line.
  if (error instanceof CommanderError)
    return { text: '', exitCode: error.exitCode === 0 ? EXIT.OK : EXIT.MISFIT };
  const stack =
    verbose && error instanceof Error
      ? `${printable(error.stack ?? '').replaceAll('     at', '\n    at')}\n`
      : '';
  if (error instanceof EfsError) {
    const text = block('error', error.message) + block('remedy', error.remedy) + stack;
    return { text, exitCode: MISFITS.includes(error.code) ? EXIT.MISFIT : EXIT.FAILED };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = verbose
    ? ''
    : block('remedy', 'this is a bug: run again with EFS_LOG_LEVEL=debug and report its output');
  return { text: block('error', message) + hint + stack, exitCode: EXIT.FAILED };
}

/** The reason for health of a failure that ends the process, or a part of it. */
export const fatalReason = (error: unknown): string => failureOf(error, false).text.trim();
