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
 * The API's responses as JSON Schema, named as the types of the read model. Tests validate real responses against these
 * schemas.
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
    'Since when and why the KPIs may be stale; null while they are current.',
  ),
);

const delivery = {
  deliveryId: text('The campaign send.'),
  policy: oneOf(POLICIES, 'How feedback becomes status and Success.'),
  generation: count('The generation of the published record; a record of a later generation replaces it.'),
  revision: count('Feedback folded; rises within a generation.'),
  asOf: moment('The latest event time that the KPIs contain.'),
  kpis: ref('Kpis'),
};

const status = oneOf(STATUSES, 'What the delivery log shows.');
const reason = oneOf(REASONS, 'Why it failed, or why it is being retried; null where nothing went wrong.');
const failureType = oneOf(
  FAILURE_TYPES,
  'HARD: the address is bad. SOFT: it may work another time. IGNORED: no statement about the address.',
);
const messageId = text('The message, unique within its delivery.');

const fact = orNull(
  exactly({
    at: moment('event time'),
    what: text('what was reported, in words'),
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
      text: text('a value that is not feedback: its first bytes and its length'),
    }),
    { type: 'null' },
  ],
  description: 'A preview of the value. Free text is masked unless EFS_HTTP_SHOW_RECIPIENTS is on.',
};

/** The schemas that operations and other schemas refer to by name. */
export const COMPONENTS = {
  Kpis: kpis(),
  Delivery: exactly(delivery),
  DeliveryWithAge: exactly({ ...delivery, stale }),
  DeliveryList: exactly({
    deliveries: listOf(ref('Delivery')),
    total: count('How many match the query in all.'),
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
      text('The cursor of the next page. A page may be short, even empty: only null ends the log.'),
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
      knownBy: text('The source of that time.'),
      domainGroup: text('Group of the recipient’s domain.'),
    }),
    validUntil: moment('The end of its validity period: until then the MTA may retry it.'),
    softBounce: fact,
    outcome: fact,
    timeline: listOf(
      exactly({
        at: moment('event time'),
        event: oneOf(['RELAYED', 'SOFT_BOUNCED', ...DECISIONS], 'What happened.'),
        text: text('The event in words.'),
        bounceClass: orNull({ type: 'integer' }),
        reason: orNull(reason),
        failureType: orNull(failureType),
        decides: { type: 'boolean', description: 'Whether it decides the status.' },
        topics: listOf(text('A topic its record may have come from.')),
      }),
    ),
    why: listOf(text('Why the status is what it is, sentence by sentence.')),
    generation: count('The id of the state it was read from, as `efs generations` lists it.'),
    partition: count('The partition of every input that holds its records. Their offsets are not kept.'),
    positions: {
      type: 'object',
      additionalProperties: { type: 'integer' },
      description: 'By topic, the next offset to fold in that partition: its records are before it.',
    },
  }),
  TaskList: exactly({
    generation: count('The id of the active state, as `efs generations` lists it.'),
    tasks: listOf(
      exactly({
        pipeline: oneOf(['status', 'kpi'], 'status folds feedback, kpi folds contributions.'),
        partition: count('The partition of each of its topics.'),
        owner: oneOf(
          ['here', 'elsewhere'],
          'here: this process runs it. elsewhere: another process runs it, or none.',
        ),
        epoch: count('The number of its last claim; commits of an older one are refused.'),
        sequence: { type: 'integer', description: 'Commits so far.' },
        outboxBytes: count(
          'Bytes of the outgoing records of the last commit: waiting to be acknowledged, or about to be replaced.',
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
    at: moment('When this was read.'),
    stale,
  }),
  DeadLetterList: exactly({
    letters: listOf(
      exactly({
        partition: count('Its partition of the dead-letter topic.'),
        offset: count('Its offset in that partition.'),
        reason: text('A code of docs/records.md, "Dead letters".'),
        detail: text('Details of the reason.'),
        origin: text('Where the record was read: topic/partition/offset.'),
        at: moment('The record’s timestamp in the log.'),
        key: orNull(text('Its key.')),
        bytes: count('Length of its value.'),
        preview,
      }),
    ),
    cursor: orNull(text('The cursor of older ones; only the newest thousand are held.')),
    byReason: { type: 'object', additionalProperties: { type: 'integer' } },
    total: count('How many there are, of which byReason counts each.'),
  }),
  Health: exactly({
    ready: { type: 'boolean' },
    failure: orNull(text('Why the process must be restarted; null while it has not failed.')),
    reasons: listOf(
      exactly({
        key: text('The component that reports it.'),
        reason: text('Why it is not ready.'),
        since: moment('Since when.'),
      }),
    ),
    warnings: listOf(
      exactly({
        key: text('What it is about.'),
        warning: text('What should be fixed, and how; the service stays ready.'),
      }),
    ),
    version: text('Of the service.'),
    startedAt: moment('Of this process.'),
    at: moment('The time of the service’s clock.'),
    deliveries: count('Deliveries in the read model.'),
    readers: count('Live streams that are open.'),
    recipientsShown: { type: 'boolean', description: 'Whether free text is shown unmasked.' },
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
