import { type ComponentName, POLICIES, REASONS, STATUSES } from './answers';
import { atMost, exactly, type JsonSchema } from './json-schema';
import { SORTS } from '../queries/delivery-view';

/** One operation of the API: what checks its requests, and what its description is made from. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With parameters in braces. */
  readonly path: string;
  readonly summary: string;
  readonly params?: JsonSchema;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
  /** What it answers with 200; null where that is no JSON of ours. */
  readonly answer: ComponentName | null;
  /** Media types beside JSON, or instead of it. */
  readonly media?: readonly string[];
  /** Needs no token. */
  readonly isOpen?: boolean;
  /** Statuses beside 200, 400 and 401. */
  readonly errors?: readonly (404 | 503)[];
}

const ID_MAX = 128;
const deliveryId: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: ID_MAX,
  description: 'The delivery.',
};
const messageId: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: ID_MAX,
  description: 'The message.',
};
const limit = (most: number, fallback: number): JsonSchema => ({
  type: 'integer',
  minimum: 1,
  maximum: most,
  default: fallback,
  description: 'Entries of a page at most.',
});
const cursor: JsonSchema = { type: 'string', maxLength: 300, description: 'The cursor of the page before.' };
const choice = (names: readonly string[], description: string): JsonSchema => ({
  type: 'string',
  enum: names,
  description,
});

const lastEventId: JsonSchema = {
  type: 'string',
  maxLength: 100,
  description: 'As the header Last-Event-ID, for clients that cannot set it.',
};
const snapshot: JsonSchema = {
  ...choice(['on', 'off'], 'Whether a client that has seen nothing gets every delivery first.'),
  default: 'on',
};

export const OPERATIONS = {
  listDeliveries: {
    method: 'GET',
    path: '/api/deliveries',
    summary: 'The deliveries with their KPIs as last published.',
    query: atMost({
      search: { type: 'string', maxLength: ID_MAX, default: '', description: 'Part of the id, in any case.' },
      policy: choice(POLICIES, 'Only deliveries of this policy.'),
      sort: { ...choice(SORTS, 'What to order by.'), default: 'relayed' },
      order: { ...choice(['asc', 'desc'], 'Which way.'), default: 'desc' },
      limit: limit(1_000, 50),
      offset: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000_000,
        default: 0,
        description: 'Entries to pass over.',
      },
    }),
    answer: 'DeliveryList',
  },
  getDelivery: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}',
    summary: 'The KPIs of one delivery as last published.',
    params: exactly({ deliveryId }),
    answer: 'DeliveryWithAge',
    errors: [404],
  },
  listMessages: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/messages',
    summary: 'The delivery log: a page, or all that fits the filter as CSV or NDJSON.',
    params: exactly({ deliveryId }),
    query: atMost({
      status: choice(STATUSES, 'Only messages of this status.'),
      reason: choice(REASONS, 'Only messages with this reason.'),
      domainGroup: { type: 'string', maxLength: 63, description: 'Only recipients of this domain group.' },
      limit: limit(1_000, 50),
      cursor,
      format: choice(['json', 'csv', 'ndjson'], 'Wins over the Accept header.'),
    }),
    answer: 'LogPage',
    media: ['text/csv', 'application/x-ndjson'],
    errors: [404, 503],
  },
  getMessage: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/messages/{messageId}',
    summary: 'All that is known of one message, and why its status is what it is.',
    params: exactly({ deliveryId, messageId }),
    answer: 'Message',
    errors: [404, 503],
  },
  listTasks: {
    method: 'GET',
    path: '/api/tasks',
    summary: 'Where every task stands: owner, positions, lag, epoch, outbox.',
    answer: 'TaskList',
    errors: [503],
  },
  listDeadLetters: {
    method: 'GET',
    path: '/api/dead-letters',
    summary: 'What was set aside, the newest first, and how much for which reason.',
    query: atMost({ limit: limit(200, 50), cursor }),
    answer: 'DeadLetterList',
  },
  getHealth: {
    method: 'GET',
    path: '/api/health',
    summary: 'Whether the service is ready, and if not, why and since when; what should be mended.',
    answer: 'Health',
  },
  streamDeliveries: {
    method: 'GET',
    path: '/api/stream',
    summary: 'KPI changes of all deliveries as server-sent events.',
    query: atMost({ lastEventId, snapshot }),
    answer: null,
    media: ['text/event-stream'],
    errors: [503],
  },
  streamDelivery: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/stream',
    summary: 'KPI changes of one delivery as server-sent events.',
    params: exactly({ deliveryId }),
    query: atMost({ lastEventId, snapshot }),
    answer: null,
    media: ['text/event-stream'],
    errors: [404, 503],
  },
  openSession: {
    method: 'POST',
    path: '/api/session',
    summary: 'Gives a cookie for the token, for browsers, which cannot send it with a stream.',
    body: exactly({ token: { type: 'string', minLength: 1, maxLength: 1_024, description: 'The token.' } }),
    answer: 'Session',
    isOpen: true,
  },
  closeSession: {
    method: 'DELETE',
    path: '/api/session',
    summary: 'Takes the cookie back.',
    answer: null,
    isOpen: true,
  },
  getDescription: {
    method: 'GET',
    path: '/api/openapi.json',
    summary: 'This description.',
    answer: null,
    isOpen: true,
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;
