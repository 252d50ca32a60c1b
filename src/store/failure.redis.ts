import { EfsError, isTlsFailure } from '../base/errors';

/** Error replies of a Redis that cannot serve now, but may later. */
const OUTAGE_REPLIES = new Set([
  'LOADING',
  'BUSY',
  'READONLY',
  'OOM',
  'MISCONF',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MASTERDOWN',
  'NOREPLICAS',
]);

/** Names of the client's own errors for a lost connection. */
const OUTAGE_NAMES = new Set(['AbortError', 'ClusterAllFailedError', 'MaxRetriesPerRequestError']);

/** Messages of those of its errors that have no name. */
const OUTAGE_TEXT = new RegExp(
  [
    '^Command timed out',
    '^Connection is closed',
    '^Connection is aborted',
    '^Socket timeout',
    "^Stream isn't writeable",
    "^Cluster isn't ready",
    '^None of startup nodes is available',
    '^Too many Cluster redirections',
    '^Ready check failed: (?!NO|WRONG)',
  ].join('|'),
);

const TEXT_MAX = 200;

/** Whether the command timed out; its connection may be dead without the client having noticed. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out';
}

/** The first line of the client's error message, bounded. */
export function causeText(error: unknown): string {
  // Where a host name has several addresses, the aggregate error has a code and no message.
  const text =
    error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
  return (text.split('\n')[0] ?? '').slice(0, TEXT_MAX);
}

function isOutage(error: Error): boolean {
  if (error.name === 'ReplyError') return OUTAGE_REPLIES.has(error.message.split(' ')[0] ?? '');
  return OUTAGE_NAMES.has(error.name) || OUTAGE_TEXT.test(error.message) || 'syscall' in error;
}

/** Error replies to an unknown user, or to one that lacks a right. */
const REFUSALS =
  /\b(WRONGPASS|NOAUTH|NOPERM)\b|ACL failure|without any password configured|invalid username-password/;

/** The failure of opening a connection, from the client's error. */
export function connectFailure(failure: unknown): EfsError {
  // A cluster's own error states that every node failed; the error of the last node states why.
  const error = (failure instanceof Error && 'lastNodeError' in failure && failure.lastNodeError) || failure;
  const text = causeText(error);
  if (REFUSALS.test(text)) return new EfsError('access-refused', `Redis: ${text}`);
  if (isTlsFailure(error)) return new EfsError('tls-failed', `Redis: ${text}`);
  return new EfsError('redis-unavailable', `Redis: ${text}`);
}

/**
 * The failure of a Redis command: `redis-unavailable` where Redis or the network is at fault, `access-refused` where the
 * user lacks a right, else the error itself, which is a bug. None carries the command's arguments, which the client
 * attaches to its errors: they hold ids.
 */
export function redisFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (isOutage(error)) {
    const server = error.message.startsWith('READONLY')
      ? 'it is a replica that takes no writes (READONLY)'
      : null;
    return new EfsError('redis-unavailable', `Redis: ${causeText(error)}`, { server });
  }
  if (REFUSALS.test(error.message)) return new EfsError('access-refused', `Redis: ${causeText(error)}`);
  if ('command' in error) delete error.command;
  return error;
}
