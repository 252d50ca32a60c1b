import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';
import pino, { type DestinationStream } from 'pino';
import type pinoPretty from 'pino-pretty';

/**
 * The fields that a log line may carry beside its message. The list is closed so that no recipient ever gets into a log:
 * there is no field for a message id, an address, a domain or a diagnostic. Other fields are dropped.
 */
export const LOG_FIELDS = [
  'topic',
  'partition',
  'offset',
  'partitions',
  'pipeline',
  'generation',
  'reason',
  'dependency',
  'durationMs',
  'delayMs',
  'records',
  'state',
  'signal',
  'groupId',
  'host',
  'port',
  'version',
] as const;

type LogField = (typeof LOG_FIELDS)[number];

/** Fields of a line. `error` is written as its code, its message and, where it is a bug, its stack. */
export type LogFields = { readonly [F in LogField]?: string | number | boolean | readonly number[] } & {
  readonly error?: unknown;
};

/** One line per event; the message is a fixed text, variable values go into the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields too. */
  child(fields: LogFields): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Text without the control characters (C0, C1, bidirectional overrides) that could control a terminal. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ');

/** An error as fields, with its causes. EfsErrors and system errors have a code; only bugs show a stack. */
function errorFields(error: unknown, isCause = false): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: printable(String(error)) };
  const code = (error as { code?: unknown }).code;
  const isKnown = typeof code === 'string';
  const origin = isKnown ? { code } : isCause ? {} : { stack: error.stack };
  const cause = error.cause === undefined ? {} : { cause: errorFields(error.cause, isCause || isKnown) };
  return { name: error.name, message: printable(error.message), ...origin, ...cause };
}

function allowed(fields: LogFields | undefined): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const name of LOG_FIELDS) {
    const value = fields?.[name];
    if (value !== undefined) kept[name] = typeof value === 'string' ? printable(value) : value;
  }
  if (fields?.error !== undefined) kept['error'] = errorFields(fields.error);
  return kept;
}

function overPino(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(allowed(fields), message),
    info: (message, fields) => logger.info(allowed(fields), message),
    warn: (message, fields) => logger.warn(allowed(fields), message),
    error: (message, fields) => logger.error(allowed(fields), message),
    child: (fields) => overPino(logger.child(allowed(fields))),
  };
}

const STDOUT = 1;

/**
 * A worker thread's `process.stdout` goes through the main thread and would be lost with it: a thread writes directly, and
 * listeners of its `process.stdout` are told of failures.
 */
function standardOutput(): DestinationStream & { isTTY?: boolean } {
  if (isMainThread) return process.stdout;
  const destination = pino.destination({ dest: STDOUT, sync: true });
  destination.on('error', (error) => process.stdout.emit('error', error));
  return Object.assign(destination, { isTTY: isatty(STDOUT) });
}

/** Loaded where it is needed: a service that writes JSON starts sooner without it. */
function readableLines(destination: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = require('pino-pretty') as typeof pinoPretty;
  return pretty({ destination, sync: true, colorize, translateTime: 'SYS:HH:MM:ss.l' });
}

/**
 * A log to `stream`: one JSON object per line, or readable lines where the format says so (`auto`: where the stream is
 * a terminal). Writing is synchronous, so that a dying process loses no line.
 */
export function openLog(
  options: {
    level: LogLevel;
    format: 'auto' | 'json' | 'pretty';
    /** The ids of the span that is active when a line is written. */
    spanIds?(): Readonly<Record<string, string>>;
  },
  stream: DestinationStream & { isTTY?: boolean } = standardOutput(),
): Log {
  const terminal = stream.isTTY === true;
  const readable = options.format === 'pretty' || (options.format === 'auto' && terminal);
  const lines = readable ? readableLines(stream, terminal) : stream;
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(options.spanIds && { mixin: options.spanIds }),
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return overPino(pino(settings, lines));
}

const nothing = (): void => undefined;

/** Discards every line. */
export const NO_LOG: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => NO_LOG,
};
