import { type ComponentName, POLICIES, REASONS, STATUSES } from './answers';
import { atMost, exactly, type JsonSchema } from './json-schema';
import { SORTS } from '../queries/delivery-view';

/** One operation of the API: its requests are validated by it, and its description is made from it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Parameters are in braces. */
  readonly path: string;
  readonly summary: string;
  readonly params?: JsonSchema;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
  /** The schema of its 200 response; null where that is not JSON of the API. */
  readonly answer: ComponentName | null;
  /** Media types besides JSON, or instead of it. */
  readonly media?: readonly string[];
  /** Needs no token. */
  readonly isOpen?: boolean;
  /** Statuses besides 200, 400 and 401. */
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
  description: 'Maximum number of entries on a page.',
});
const cursor: JsonSchema = {
  type: 'string',
  maxLength: 300,
  description: 'The cursor of the previous page.',
};
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
  ...choice(['on', 'off'], 'Whether a client without a last event gets every delivery first.'),
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
      sort: { ...choice(SORTS, 'The field to sort by.'), default: 'relayed' },
      order: { ...choice(['asc', 'desc'], 'The sort order.'), default: 'desc' },
      limit: limit(1_000, 50),
      offset: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000_000,
        default: 0,
        description: 'Entries to skip.',
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
    summary: 'The delivery log: a page, or everything that matches the filter as CSV or NDJSON.',
    params: exactly({ deliveryId }),
    query: atMost({
      status: choice(STATUSES, 'Only messages of this status.'),
      reason: choice(REASONS, 'Only messages with this reason.'),
      domainGroup: { type: 'string', maxLength: 63, description: 'Only recipients of this domain group.' },
      limit: limit(1_000, 50),
      cursor,
      format: choice(['json', 'csv', 'ndjson'], 'Takes precedence over the Accept header.'),
    }),
    answer: 'LogPage',
    media: ['text/csv', 'application/x-ndjson'],
    errors: [404, 503],
  },
  getMessage: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/messages/{messageId}',
    summary: 'Everything known about one message, and why its status is what it is.',
    params: exactly({ deliveryId, messageId }),
    answer: 'Message',
    errors: [404, 503],
  },
  listTasks: {
    method: 'GET',
    path: '/api/tasks',
    summary: 'The state of every task: owner, positions, lag, epoch, outbox.',
    answer: 'TaskList',
    errors: [503],
  },
  listDeadLetters: {
    method: 'GET',
    path: '/api/dead-letters',
    summary: 'The dead letters, newest first, and their number by reason.',
    query: atMost({ limit: limit(200, 50), cursor }),
    answer: 'DeadLetterList',
  },
  getHealth: {
    method: 'GET',
    path: '/api/health',
    summary:
      'Whether the service is ready, and if not, why and since when; warnings of what should be fixed.',
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
    summary:
      'Exchanges the token for a session cookie, for browsers, which cannot send the token with a stream.',
    body: exactly({ token: { type: 'string', minLength: 1, maxLength: 1_024, description: 'The token.' } }),
    answer: 'Session',
    isOpen: true,
  },
  closeSession: {
    method: 'DELETE',
    path: '/api/session',
    summary: 'Clears the session cookie.',
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
