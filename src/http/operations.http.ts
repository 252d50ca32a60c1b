import { z } from 'zod';
import { type ComponentName, policy, reason, status } from './answers.http';
import { SORTS } from '../queries/delivery-view';

/** One operation of the API: its requests are validated by it, and its description is made from it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Parameters are in braces. */
  readonly path: string;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** The schema of its 200 response, where that is JSON of the API. */
  readonly answer?: ComponentName;
  /** Media types besides JSON, or instead of it. */
  readonly media?: readonly string[];
  /** Needs no token. */
  readonly isOpen?: boolean;
  /** Statuses besides 200, 400 and 401. */
  readonly errors?: readonly (404 | 503)[];
}

const ID_MAX = 128;
const deliveryId = z.string().min(1).max(ID_MAX).describe('The delivery.');
const messageId = z.string().min(1).max(ID_MAX).describe('The message.');
/*
 * A path cannot name `.` and `..`: clients remove such segments, also percent-encoded ones (RFC 3986, 5.2.4; WHATWG URL).
 * Ids in the query therefore replace those in the path.
 */
const instead = (what: string): string =>
  `The ${what}, instead of the one in the path, which cannot be "." or "..".`;
const ofDelivery = { deliveryId: deliveryId.optional().describe(instead('delivery')) };
const ofMessage = { ...ofDelivery, messageId: messageId.optional().describe(instead('message')) };

const limit = (most: number) =>
  z.int().min(1).max(most).default(50).describe('Maximum number of entries on a page.');
const cursor = z.string().max(300).optional().describe('The cursor of the previous page.');

const streaming = z.strictObject({
  lastEventId: z
    .string()
    .max(100)
    .optional()
    .describe('As the header Last-Event-ID, for clients that cannot set it.'),
  snapshot: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether a client without a last event gets every delivery first.'),
});

export const OPERATIONS = {
  listDeliveries: {
    method: 'GET',
    path: '/api/deliveries',
    summary: 'The deliveries with their KPIs as last published.',
    query: z.strictObject({
      search: z.string().max(ID_MAX).default('').describe('Part of the id, in any case.'),
      policy: policy.optional().describe('Only deliveries of this policy.'),
      sort: z.enum(SORTS).default('relayed').describe('The field to sort by.'),
      order: z.enum(['asc', 'desc']).default('desc').describe('The sort order.'),
      limit: limit(1_000),
      offset: z.int().min(0).max(10_000_000).default(0).describe('Entries to skip.'),
    }),
    answer: 'DeliveryList',
  },
  getDelivery: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}',
    summary: 'The KPIs of one delivery as last published.',
    params: z.strictObject({ deliveryId }),
    query: z.strictObject(ofDelivery),
    answer: 'DeliveryWithAge',
    errors: [404],
  },
  listMessages: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/messages',
    summary: 'The delivery log: a page, or everything that matches the filter as CSV or NDJSON.',
    params: z.strictObject({ deliveryId }),
    query: z.strictObject({
      ...ofDelivery,
      status: status.optional().describe('Only messages of this status.'),
      reason: reason.optional().describe('Only messages with this reason.'),
      domainGroup: z.string().max(63).optional().describe('Only recipients of this domain group.'),
      limit: limit(1_000),
      cursor,
      format: z
        .enum(['json', 'csv', 'ndjson'])
        .optional()
        .describe('Takes precedence over the Accept header.'),
    }),
    answer: 'LogPage',
    media: ['text/csv', 'application/x-ndjson'],
    errors: [404, 503],
  },
  getMessage: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/messages/{messageId}',
    summary: 'Everything known about one message, and why its status is what it is.',
    params: z.strictObject({ deliveryId, messageId }),
    query: z.strictObject(ofMessage),
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
    query: z.strictObject({ limit: limit(200), cursor }),
    answer: 'DeadLetterList',
  },
  listSources: {
    method: 'GET',
    path: '/api/sources',
    summary: 'What comes in from each source of the ingesters, and the newest dead letters of ingestion.',
    answer: 'SourceList',
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
    query: streaming,
    media: ['text/event-stream'],
    errors: [503],
  },
  streamDelivery: {
    method: 'GET',
    path: '/api/deliveries/{deliveryId}/stream',
    summary: 'KPI changes of one delivery as server-sent events.',
    params: z.strictObject({ deliveryId }),
    query: streaming.extend(ofDelivery),
    media: ['text/event-stream'],
    errors: [404, 503],
  },
  openSession: {
    method: 'POST',
    path: '/api/session',
    summary:
      'Exchanges the token for a session cookie, for browsers, which cannot send the token with a stream.',
    body: z.strictObject({ token: z.string().min(1).max(1_024).describe('The token.') }),
    answer: 'Session',
    isOpen: true,
  },
  closeSession: {
    method: 'DELETE',
    path: '/api/session',
    summary: 'Clears the session cookie.',
    isOpen: true,
  },
  getDescription: {
    method: 'GET',
    path: '/api/openapi.json',
    summary: 'This description.',
    isOpen: true,
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;
