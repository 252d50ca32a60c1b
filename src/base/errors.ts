/**
 * Every failure that crosses a folder, in one table: a code, whether a retry can succeed, and the remedy for an operator.
 * `tasks/retry.ts`, which repeats the calls of a task, retries only what is `retriable`.
 */
export const ERRORS = {
  'config-invalid': {
    retriable: false,
    remedy: 'correct the named settings; `efs config print` shows them all',
  },
  'kafka-unavailable': {
    retriable: true,
    remedy: 'start Kafka, or set EFS_KAFKA_BROKERS to where it listens',
  },
  'redis-unavailable': { retriable: true, remedy: 'start Redis, or set EFS_REDIS_URL to where it listens' },
  'registry-unavailable': {
    retriable: true,
    remedy: 'start the schema registry, or set EFS_SCHEMA_REGISTRY_URL to where it listens',
  },
  'token-unavailable': {
    retriable: true,
    remedy:
      'see that the endpoint of EFS_KAFKA_OAUTH_TOKEN_URL answers; for aws-msk-iam, that the AWS credentials can be found',
  },
  'access-refused': {
    retriable: false,
    remedy:
      'correct the user, the password or the certificate in the settings of the named server, or have the right ' +
      'granted there (docs/operations.md, "Access rights")',
  },
  'tls-failed': {
    retriable: false,
    remedy:
      'see that the server uses TLS on this port, that its certificate is valid for the host name in the settings, ' +
      'and that the CA file of its settings holds who has signed it',
  },
  'redis-evicts': {
    retriable: false,
    remedy: 'set `maxmemory-policy noeviction` in Redis: evicted state is lost state',
  },
  'redis-replica': {
    retriable: false,
    remedy:
      'let EFS_REDIS_URL name the primary, or the sentinels that know it (redis+sentinel://host,host,host/name): ' +
      'a worker then follows a failover',
  },
  'clock-ahead': {
    retriable: false,
    remedy: 'set the clock of this machine right, or that of Redis (NTP): expiries go on by themselves then',
  },
  'topic-missing': { retriable: false, remedy: 'run `efs setup`' },
  'topic-unfit': {
    retriable: false,
    remedy: 'recreate or alter the topic as the message says, then run `efs setup` again',
  },
  'not-co-partitioned': {
    retriable: false,
    remedy: 'give every topic of the service the same number of partitions, then rebuild the state',
  },
  'group-shared': {
    retriable: false,
    remedy:
      'stop the other program, or give it or this service another EFS_GROUP_ID; installations of one EFS_GROUP_ID need ' +
      'different EFS_TOPIC_PREFIX',
  },
  'former-workers': {
    retriable: false,
    remedy:
      'stop them: where EFS_TOPIC_PREFIX is set, workers up to 0.1 and later ones must not run side by side (a killed one ' +
      'counts until its session has timed out)',
  },
  'schema-missing': { retriable: false, remedy: 'run `efs setup`' },
  'schema-unfit': {
    retriable: false,
    remedy: 'correct the subject as the message says, then run `efs setup` again',
  },
  'position-lost': {
    retriable: false,
    remedy:
      'Kafka no longer holds the records after the stored position: `efs rebuild --promote --accept-differences` builds ' +
      'the state from what it still has',
  },
  'state-damaged': {
    retriable: false,
    remedy:
      'see what has evicted or changed it in Redis (`maxmemory-policy noeviction`; the service alone writes there), then ' +
      '`efs rebuild --promote --accept-differences` builds it again from the topics',
  },
  'transaction-open': {
    retriable: false,
    remedy:
      'see why its producer does not end it: `kafka-transactions.sh find-hanging --broker-id N` names it, `kafka-transactions.sh ' +
      'abort --topic T --partition P --start-offset O` ends it',
  },
  'topic-replaced': {
    retriable: false,
    remedy:
      'the stored positions belong to the topic that was deleted, and nothing is read on from them: `efs rebuild --promote ' +
      '--accept-differences` builds the state from what the new one holds',
  },
  'batch-unreadable': {
    retriable: false,
    remedy:
      'raise EFS_MAX_BATCH_BYTES where the batch is sound and only large; a corrupt one is read again only after Kafka has ' +
      'deleted it: `kafka-delete-records` up to the offset after it, then `efs rebuild`',
  },
  'generation-unfit': {
    retriable: false,
    remedy:
      'the state was built with other settings: set them as they were, let the worker follow those of the state ' +
      '(EFS_ON_MISMATCH=follow), or build another generation with `efs rebuild`, which shows what would change, and switch ' +
      'to it with `efs promote`',
  },
  'generation-incomplete': {
    retriable: false,
    remedy: 'its state is lost: `efs generations drop` removes what is left, `efs rebuild` builds another',
  },
  'generation-dropping': {
    retriable: false,
    remedy: 'run `efs generations drop` again to complete that; `efs rebuild` builds another',
  },
  'rebuild-partial': {
    retriable: false,
    remedy: 'leave the option out: a rebuild reads everything that Kafka holds',
  },
  interrupted: { retriable: false, remedy: 'run the same command again to go on' },
  'generation-active': {
    retriable: false,
    remedy: 'promote another generation first: `efs generations` lists them',
  },
  'candidate-unfit': {
    retriable: false,
    remedy:
      'a candidate for other settings is there: go on with its settings, or drop it with `efs generations drop`',
  },
  'rebuild-taken-over': {
    retriable: false,
    remedy: 'another process goes on with it, or it has been promoted: see `efs generations`',
  },
  'request-invalid': {
    retriable: false,
    remedy: 'correct the request; /api/openapi.json describes them all',
  },
  'not-authorized': {
    retriable: false,
    remedy: 'send the token of EFS_HTTP_TOKEN as `authorization: Bearer <token>`, or log in at the page',
  },
  'not-allowed': {
    retriable: false,
    remedy: 'call the service by a name of its own; EFS_HTTP_ALLOWED_HOSTS adds some',
  },
  'not-ready': { retriable: false, remedy: 'try again when /readyz says ready' },
  'too-many-readers': { retriable: false, remedy: 'close some live streams, or ask another worker' },
  'too-busy': { retriable: false, remedy: 'try again in a few seconds, or ask another worker' },
  'not-found': {
    retriable: false,
    remedy: 'check the id; the state contains only what feedback has reported',
  },
} as const satisfies Record<string, { retriable: boolean; remedy: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A failure with a row in the table. `message` states what happened, `remedy` what to do. */
export class EfsError extends Error {
  override readonly name = 'EfsError';
  readonly code: ErrorCode;
  /** The server that did not answer, where there are several and it is known. */
  readonly server: string | null;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; server?: string | null }) {
    super(message, options);
    this.code = code;
    this.server = options?.server ?? null;
  }

  get retriable(): boolean {
    return ERRORS[this.code].retriable;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }
}

/** Whether a retry of the same attempt can succeed. Errors without a row in the table are not retriable. */
export function isRetriable(error: unknown): boolean {
  return error instanceof EfsError && error.retriable;
}

/** Whether a server refuses access or cannot be trusted: neither time nor a retry helps. */
export function isRefusal(error: unknown): error is EfsError {
  return error instanceof EfsError && (error.code === 'access-refused' || error.code === 'tls-failed');
}

/** Node's codes for certificates that do not verify, and OpenSSL's for peers that refuse ours or do not use TLS. */
const TLS_CODES = new RegExp(
  [
    '^CERT_',
    '_CERT(_|$)',
    '^UNABLE_TO_',
    '^HOSTNAME_MISMATCH$',
    '^ERR_TLS_CERT_',
    '^ERR_SSL_(WRONG_VERSION|UNSUPPORTED|NO_PROTOCOLS|PACKET_LENGTH|HTTP_REQUEST)',
    '^ERR_SSL_.*(ALERT|CERTIFICATE|HANDSHAKE)',
  ].join('|'),
);

/** Whether a system error means that the TLS handshake failed, rather than that the server did not answer. */
export function isTlsFailure(error: unknown): boolean {
  return TLS_CODES.test(String((error as { code?: unknown } | null)?.code));
}
