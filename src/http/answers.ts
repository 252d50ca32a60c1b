import { REASON_NUMBERS } from '../feedback/qualification';
import { SCHEMAS } from '../feedback/schemas';
import { DECISIONS } from '../queries/delivery-log';
import {
  count,
  exactly,
  type JsonSchema,
  jsonSchemaOf,
  listOf,
  moment,
  oneOf,
  orNull,
  text,
} from './json-schema';

/*
 * What the API answers, as JSON Schema. The names are those of the types in this room; tests hold real answers against
 * these schemas.
 */

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

export const STATUSES = ['TAKEN_INTO_ACCOUNT', 'SENT', 'FAILED'] as const;
export const REASONS = Object.keys(REASON_NUMBERS);
export const POLICIES = ['EFS', 'RELAY'] as const;
const FAILURE_TYPES = ['HARD', 'SOFT', 'IGNORED'];

const kpis = (): JsonSchema => {
  type Fields = { fields: { name: string; type: Parameters<typeof jsonSchemaOf>[0] }[] };
  const { fields } = JSON.parse(SCHEMAS.KpiChanged.text) as Fields;
  return jsonSchemaOf(fields.find(({ name }) => name === 'kpis')?.type ?? 'null');
};

const stale = orNull(
  exactly(
    { since: moment('since when'), reason: text('why, in words') },
    'Why the figures may be older than the feedback; null where nothing stands in their way.',
  ),
);

const delivery = {
  deliveryId: text('The campaign send.'),
  policy: oneOf(POLICIES, 'How feedback becomes status and Success.'),
  generation: count('The state it was computed from.'),
  revision: count('Feedback folded; rises within a generation.'),
  asOf: moment('The latest event time that is contained.'),
  kpis: ref('Kpis'),
};

const status = oneOf(STATUSES, 'What the delivery log shows.');
const reason = oneOf(REASONS, 'Why it failed, or why it is being retried; null where nothing went wrong.');
const failureType = oneOf(
  FAILURE_TYPES,
  'HARD: the address is bad. SOFT: it may work another time. IGNORED: says nothing of the address.',
);
const messageId = text('The message, unique within its delivery.');

const fact = orNull(
  exactly({
    at: moment('event time'),
    what: text('what was said, in words'),
    bounceClass: orNull({ type: 'integer', description: 'the MTA’s class' }),
    reason: orNull(reason),
    failureType: orNull(failureType),
  }),
);

const preview: JsonSchema = {
  anyOf: [
    exactly({
      form: { type: 'string', enum: ['feedback'] },
      record: text('name of the record'),
      fields: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
    }),
    exactly({
      form: { type: 'string', enum: ['bytes'] },
      text: text('a value that is no feedback: its first bytes, and how long it is'),
    }),
    { type: 'null' },
  ],
  description: 'What the value says. Free text is masked unless EFS_HTTP_SHOW_RECIPIENTS is on.',
};

/** The schemas that others refer to by name. */
export const COMPONENTS = {
  Kpis: kpis(),
  Delivery: exactly(delivery),
  DeliveryWithAge: exactly({ ...delivery, stale }),
  DeliveryList: exactly({
    deliveries: listOf(ref('Delivery')),
    total: count('How many fit the query in all.'),
    at: moment('When this was answered.'),
    stale,
  }),
  LogEntry: exactly({
    messageId,
    status,
    reason: orNull(reason),
    failureType: orNull(failureType),
    domainGroup: text('Group of the recipient’s domain.'),
    relayedAt: moment('When it was relayed.'),
    softBouncedAt: orNull(moment('The last soft bounce.')),
    decidedAt: orNull(moment('The deciding outcome.')),
    decidedBy: orNull(oneOf(DECISIONS, 'What kind of feedback decided it.')),
  }),
  LogPage: exactly({
    messages: listOf(ref('LogEntry')),
    cursor: orNull(
      text('Ask for the next page with it. A page may come short, even empty: only null ends the log.'),
    ),
  }),
  Message: exactly({
    deliveryId: text('The campaign send.'),
    messageId,
    policy: oneOf(POLICIES, 'The policy of this message.'),
    status,
    reason: orNull(reason),
    failureType: orNull(failureType),
    relay: exactly({
      at: moment('When it was relayed.'),
      knownBy: text('How that is known.'),
      domainGroup: text('Group of the recipient’s domain.'),
    }),
    validUntil: moment('How long the MTA may retry it.'),
    softBounce: fact,
    outcome: fact,
    timeline: listOf(
      exactly({
        at: moment('event time'),
        event: oneOf(['RELAYED', 'SOFT_BOUNCED', ...DECISIONS], 'What happened.'),
        text: text('The same in words.'),
        bounceClass: orNull({ type: 'integer' }),
        reason: orNull(reason),
        failureType: orNull(failureType),
        decides: { type: 'boolean', description: 'Whether the status follows from it.' },
        topics: listOf(text('Where its record can have come from.')),
      }),
    ),
    why: listOf(text('Why the status is what it is, sentence by sentence.')),
    generation: count('The state it was read from.'),
    partition: count('The partition of every input that holds its records. Their offsets are not kept.'),
    positions: {
      type: 'object',
      additionalProperties: { type: 'integer' },
      description: 'By topic, the next offset to fold in that partition: its records lie before.',
    },
  }),
  TaskList: exactly({
    generation: count('The active generation.'),
    tasks: listOf(
      exactly({
        pipeline: oneOf(['status', 'kpi'], 'Feedback in, or contributions in.'),
        partition: count('The partition of each of its topics.'),
        owner: oneOf(['here', 'elsewhere'], 'Whether this process runs it; else another one does, or none.'),
        epoch: count('The number of its last claim; commits of an older one are refused.'),
        sequence: { type: 'integer', description: 'Commits so far.' },
        outboxBytes: count(
          'Outgoing records of the last commit: waiting to be acknowledged, or about to be replaced.',
        ),
        positions: listOf(
          exactly({
            topic: text('Without the tenant’s prefix.'),
            position: count('The next offset to fold.'),
            end: count('The end of the log.'),
            lag: count('Records between the two.'),
          }),
        ),
        lag: count('Over its topics.'),
      }),
    ),
    at: moment('When this was looked up.'),
    stale,
  }),
  DeadLetterList: exactly({
    letters: listOf(
      exactly({
        partition: count('Its place in the dead-letter topic.'),
        offset: count('Its place in the dead-letter topic.'),
        reason: text('A code of docs/records.md, "Set aside".'),
        detail: text('More of the reason.'),
        origin: text('Where it lay: topic/partition/offset.'),
        at: moment('The log’s stamp of the record.'),
        key: orNull(text('Its key.')),
        bytes: count('Length of its value.'),
        preview,
      }),
    ),
    cursor: orNull(text('Ask for older ones with it; only the newest thousand are held.')),
    byReason: { type: 'object', additionalProperties: { type: 'integer' } },
    total: count('How many there are, of which byReason counts each.'),
  }),
  Health: exactly({
    ready: { type: 'boolean' },
    failure: orNull(text('Why the process wants to be restarted.')),
    reasons: listOf(
      exactly({
        key: text('What says so.'),
        reason: text('Why it is not ready.'),
        since: moment('Since when.'),
      }),
    ),
    warnings: listOf(
      exactly({
        key: text('What it is about.'),
        warning: text('What should be mended, and how; the service works all the same.'),
      }),
    ),
    version: text('Of the service.'),
    startedAt: moment('Of this process.'),
    at: moment('The service’s own time.'),
    deliveries: count('Known to the window.'),
    readers: count('Live streams that are open.'),
    recipientsShown: { type: 'boolean', description: 'Whether free text is shown as it is.' },
  }),
  Session: exactly({ expiresAt: moment('When to log in again.') }),
  Error: exactly({
    error: exactly({
      code: text('One of a closed list.'),
      message: text('What happened.'),
      remedy: text('What to do.'),
    }),
  }),
} as const satisfies Record<string, JsonSchema>;

export type ComponentName = keyof typeof COMPONENTS;
