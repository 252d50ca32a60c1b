import { EfsError, isTlsFailure } from '../base/errors';
import type { Refusal } from './membership';

/** Refusals that are final: the topic does not accept the records. */
const UNFIT = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);

/** Kafka's error names for unknown users and missing authorization. */
const REFUSED = /^(SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|[A-Z_]+_AUTHORIZATION_FAILED)$/;

/** kafkajs gives every failed authentication the same name, also one that got no answer. */
const INTERRUPTED = /closed|timed out|timeout|connection error|not connected|ECONN/i;

/**
 * Maps kafkajs' errors to the service's error codes. Other errors are returned unchanged, also where kafkajs wraps
 * them. `nodeId` is the broker that was asked; the error names it where it does not answer.
 */
export function kafkaFailure(error: unknown, nodeId?: number): unknown {
  const own = causes(error).find((each) => each instanceof EfsError);
  if (own !== undefined) return own;
  if (!isOfKafkajs(error)) return error;
  const { message: text, type = '' } = error as { message: string; type?: string };
  const message = (text.split('\n')[0] ?? '').trim();
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return new EfsError('topic-missing', message, { cause: error });
  // A member that shares no protocol with the group: its members are another program's.
  if (isOfType(error, 'INCONSISTENT_GROUP_PROTOCOL'))
    return new EfsError('group-shared', message, { cause: error });
  if (UNFIT.has(type)) return new EfsError('topic-unfit', message, { cause: error });
  if (causes(error).some(isRefused))
    return new EfsError('access-refused', `Kafka: ${message}`, { cause: error });
  if (causes(error).some(isTlsFailure))
    return new EfsError('tls-failed', `Kafka: ${message}`, { cause: error });
  const server = lostBroker(error, nodeId);
  const named = server === null ? message : `${server}: ${message}`;
  return new EfsError('kafka-unavailable', named, { cause: error, server });
}

/** Refused connections, lost ones and requests without an answer carry the address; refusals do not. */
function lostBroker(error: unknown, nodeId?: number): string | null {
  const address = causes(error)
    .map((each) => (each as { broker?: unknown }).broker)
    .find((each) => typeof each === 'string');
  return nodeId === undefined || address === undefined ? null : `broker ${nodeId} (${address})`;
}

/** Whether Kafka's own name for an error, or for one of its causes, is this. */
export function isOfType(error: unknown, type: string): boolean {
  return causes(error).some((each) => (each as { type?: string }).type === type);
}

/** Kafka's refusal that an error comes from, or null where there was no answer. */
export function refusalOf(error: unknown): Refusal | null {
  return (
    (causes(error) as Partial<Refusal>[]).find((each): each is Refusal => each.type !== undefined) ?? null
  );
}

/** An error and its causes: kafkajs wraps the error after which it stopped retrying. */
function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let each = error; each instanceof Error && !chain.includes(each); each = each.cause) chain.push(each);
  return chain;
}

function isRefused(error: Error): boolean {
  const { type = '' } = error as { type?: string };
  const isOfSasl = error.name === 'KafkaJSSASLAuthenticationError' || /\bSASL\b.*failed/.test(error.message);
  return REFUSED.test(type) || (isOfSasl && !INTERRUPTED.test(error.message));
}

/** kafkajs has a bare `Error` for the use of a broker whose connection has just been lost. */
function isOfKafkajs(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name.startsWith('KafkaJS') || error.message === 'Broker not connected';
}
