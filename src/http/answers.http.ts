import { z } from 'zod';
import { must } from '../base/assert';
import { REASON_NUMBERS } from '../feedback/qualification';
import type { Kpis as PublishedKpis, Reason } from '../feedback/records';
import { SCHEMAS } from '../feedback/schemas';
import { DECISIONS } from '../queries/delivery-log';
import { POLICY_NAMES } from '../status/policy';

/*
 * The API's responses, named as the types of the read model. A handler returns what the schema of its answer gives, by
 * its type; tests validate real responses against the schemas.
 */

const text = z.string();
const count = z.int().min(0);
const moment = z.iso.datetime();
const counts = z.record(z.string(), count);

export const policy = z.enum(POLICY_NAMES);
export const status = z.enum(['TAKEN_INTO_ACCOUNT', 'SENT', 'FAILED']);
export const reason = z.enum(Object.keys(REASON_NUMBERS) as Reason[]);

/** An Avro schema of the kinds that the KPIs are made of. */
type Avro =
  | 'long'
  | 'double'
  | readonly ['null', Avro]
  | { readonly type: 'map'; readonly values: Avro }
  | {
      readonly type: 'record';
      readonly fields: readonly { readonly name: string; readonly type: Avro; readonly doc: string }[];
    };

/** The JSON form of an Avro schema; `doc` becomes the description. */
function jsonFormOf(avro: Avro): z.ZodType {
  if (avro === 'long') return z.int();
  if (avro === 'double') return z.number();
  if (!('type' in avro)) return jsonFormOf(avro[1]).nullable();
  if (avro.type === 'map') return z.record(z.string(), jsonFormOf(avro.values));
  return z.strictObject(
    Object.fromEntries(avro.fields.map(({ name, type, doc }) => [name, jsonFormOf(type).describe(doc)])),
  );
}

const kpiChanged = JSON.parse(SCHEMAS.KpiChanged.text) as { fields: { name: string; type: Avro }[] };
const kpis = must(
  kpiChanged.fields.find(({ name }) => name === 'kpis'),
  'KpiChanged has no KPIs',
);
const Kpis = jsonFormOf(kpis.type) as z.ZodType<PublishedKpis>;

const stale = z
  .strictObject({
    since: moment.describe('since when'),
    reason: text.describe('why, in words'),
  })
  .nullable()
  .describe('Since when and why the KPIs may be stale; null while they are current.');

const Delivery = z.strictObject({
  deliveryId: text.describe('The campaign send.'),
  policy: policy.describe('How feedback becomes status and Success.'),
  generation: count.describe(
    'The generation of the published record; a record of a later generation replaces it.',
  ),
  revision: count.describe('Feedback folded; rises within a generation.'),
  asOf: moment.describe('The latest event time that the KPIs contain.'),
  kpis: Kpis,
});

/** Why a message failed, or is being retried. */
const cause = {
  reason: reason
    .nullable()
    .describe('Why it failed, or why it is being retried; null where nothing went wrong.'),
  failureType: z
    .enum(['HARD', 'SOFT', 'IGNORED'])
    .nullable()
    .describe(
      'HARD: the address is bad. SOFT: it may work another time. IGNORED: no statement about the address.',
    ),
};
const shown = { status: status.describe('What the delivery log shows.'), ...cause };
const messageId = text.describe('The message, unique within its delivery.');
const domainGroup = text.describe('Group of the recipient’s domain.');
const relayedAt = moment.describe('When it was relayed.');
const complainedAt = moment.nullable().describe('The first complaint; it decides nothing.');

const LogEntry = z.strictObject({
  messageId,
  ...shown,
  domainGroup,
  relayedAt,
  softBouncedAt: moment.nullable().describe('The last soft bounce.'),
  decidedAt: moment.nullable().describe('The deciding outcome.'),
  decidedBy: z.enum(DECISIONS).nullable().describe('What kind of feedback decided it.'),
  complainedAt,
});

const fact = z
  .strictObject({
    at: moment.describe('event time'),
    what: text.describe('what was reported, in words'),
    bounceClass: z.int().nullable().describe('the MTA’s class'),
    ...cause,
  })
  .nullable();

const preview = z
  .union([
    z.strictObject({
      form: z.literal('feedback'),
      record: text.describe('name of the record'),
      fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    }),
    z.strictObject({
      form: z.literal('bytes'),
      text: text.describe('a value that is not feedback: its first bytes and its length'),
    }),
    z.null(),
  ])
  .describe('A preview of the value. Free text is masked unless EFS_HTTP_SHOW_RECIPIENTS is on.');

/** The schemas that operations and other schemas refer to by name. */
export const COMPONENTS = {
  Kpis,
  Delivery,
  DeliveryWithAge: Delivery.extend({ stale }),
  DeliveryList: z.strictObject({
    deliveries: z.array(Delivery),
    total: count.describe('How many match the query in all.'),
    at: moment.describe('When this was answered.'),
    stale,
  }),
  LogEntry,
  LogPage: z.strictObject({
    messages: z.array(LogEntry),
    cursor: text
      .nullable()
      .describe('The cursor of the next page. A page may be short, even empty: only null ends the log.'),
  }),
  Message: z.strictObject({
    deliveryId: text.describe('The campaign send.'),
    messageId,
    policy: policy.describe('The policy of this message.'),
    ...shown,
    relay: z.strictObject({
      at: relayedAt,
      knownBy: text.describe('The source of that time.'),
      domainGroup,
    }),
    validUntil: moment.describe('The end of its validity period: until then the MTA may retry it.'),
    softBounce: fact,
    outcome: fact,
    complainedAt,
    timeline: z.array(
      z.strictObject({
        at: moment.describe('event time'),
        event: z.enum(['RELAYED', 'SOFT_BOUNCED', 'COMPLAINED', ...DECISIONS]).describe('What happened.'),
        text: text.describe('The event in words.'),
        bounceClass: z.int().nullable(),
        ...cause,
        decides: z.boolean().describe('Whether it decides the status.'),
        topics: z.array(text.describe('A topic its record may have come from.')),
      }),
    ),
    why: z.array(text.describe('Why the status is what it is, sentence by sentence.')),
    generation: count.describe('The id of the state it was read from, as `efs generations` lists it.'),
    partition: count.describe(
      'The partition of every input that holds its records. Their offsets are not kept.',
    ),
    positions: z
      .record(z.string(), z.int())
      .describe('By topic, the next offset to fold in that partition: its records are before it.'),
  }),
  TaskList: z.strictObject({
    generation: count.describe('The id of the active state, as `efs generations` lists it.'),
    tasks: z.array(
      z.strictObject({
        pipeline: z.enum(['status', 'kpi']).describe('status folds feedback, kpi folds contributions.'),
        partition: count.describe('The partition of each of its topics.'),
        owner: z
          .enum(['here', 'elsewhere'])
          .describe('here: this process runs it. elsewhere: another process runs it, or none.'),
        epoch: count.describe('The number of its last claim; commits of an older one are refused.'),
        sequence: z.int().describe('Commits so far.'),
        outboxBytes: count.describe(
          'Bytes of the outgoing records of the last commit: waiting to be acknowledged, or about to be replaced.',
        ),
        positions: z.array(
          z.strictObject({
            topic: text.describe('Without the tenant’s prefix.'),
            position: count.describe('The next offset to fold.'),
            end: count.describe('The end of the log, for readers of committed records.'),
            lag: count.describe('Records between the two.'),
            heldBack: count.describe('Offsets behind that end which an open transaction holds back.'),
          }),
        ),
        lag: count.describe('Over its topics.'),
      }),
    ),
    at: moment.describe('When this was read.'),
    stale,
  }),
  DeadLetterList: z.strictObject({
    letters: z.array(
      z.strictObject({
        partition: count.describe('Its partition of the dead-letter topic.'),
        offset: count.describe('Its offset in that partition.'),
        reason: text.describe('A code of docs/records.md, "Dead letters".'),
        detail: text.describe('Details of the reason.'),
        origin: text.describe('Where the record was read: topic/partition/offset.'),
        at: moment.describe('The record’s timestamp in the log.'),
        key: z.string().nullable().describe('Its key.'),
        bytes: count.describe('Length of its value.'),
        preview,
      }),
    ),
    cursor: text.nullable().describe('The cursor of older ones; only the newest thousand are held.'),
    byReason: z.record(z.string(), z.int()),
    total: count.describe('How many there are, of which byReason counts each.'),
  }),
  SourceList: z.strictObject({
    ingesters: z.array(
      z.strictObject({
        url: text.describe('One of EFS_INGEST_URLS.'),
        problem: text.nullable().describe('Why it said nothing of its sources; null where it did.'),
      }),
    ),
    sources: z.array(
      z.strictObject({
        name: text.describe('The source, over all ingesters that know it.'),
        format: text.describe('What its events are written in.'),
        since: moment.describe('The earliest start of its ingesters: the counts begin there.'),
        lastEventAt: moment.nullable().describe('When its last event was acknowledged.'),
        feedback: count.describe('Events that became feedback.'),
        ignored: count.describe('Events that say nothing about the fate of a message, such as opens.'),
        deadLetters: counts.describe('Events that could not become feedback, by reason.'),
        events: counts.describe('Feedback and ignored events by the source’s own word for them.'),
        unmatched: text.nullable().describe('Why most of its events name no message, and what would help.'),
      }),
    ),
    letters: z.array(
      z.strictObject({
        id: text.describe('Its partition/offset in the topic of ingestion’s dead letters.'),
        at: moment.describe('When it was set aside.'),
        reason: text.describe('Why, as a code.'),
        detail: text.describe('Details; masked unless EFS_HTTP_SHOW_RECIPIENTS is on.'),
        source: text.describe('The source that sent it.'),
        format: text.describe('What it is written in.'),
      }),
    ),
    lettersProblem: text.nullable().describe('Why the letters may not be the newest; null where they are.'),
    at: moment.describe('When this was asked.'),
  }),
  Health: z.strictObject({
    ready: z.boolean(),
    failure: text.nullable().describe('Why the process must be restarted; null while it has not failed.'),
    reasons: z.array(
      z.strictObject({
        key: text.describe('The component that reports it.'),
        reason: text.describe('Why it is not ready.'),
        since: moment.describe('Since when.'),
      }),
    ),
    warnings: z.array(
      z.strictObject({
        key: text.describe('What it is about.'),
        warning: text.describe('What should be fixed, and how; the service stays ready.'),
      }),
    ),
    version: text.describe('Of the service.'),
    startedAt: moment.describe('Of this process.'),
    at: moment.describe('The time of the service’s clock.'),
    deliveries: count.describe('Deliveries in the read model.'),
    readers: count.describe('Live streams that are open.'),
    recipientsShown: z.boolean().describe('Whether free text is shown unmasked.'),
  }),
  Session: z.strictObject({ expiresAt: moment.describe('When to log in again.') }),
  Error: z.strictObject({
    error: z.strictObject({
      code: text.describe('One of a closed list.'),
      message: text.describe('What happened.'),
      remedy: text.describe('What to do.'),
    }),
  }),
} as const satisfies Record<string, z.ZodType>;

export type ComponentName = keyof typeof COMPONENTS;
