import { causeOf, categoriesOf, classify } from '../../src/mta/classify';
import type { Reading } from '../../src/mta/event';
import type { JsonFormat } from '../../src/mta/format';
import { brevo } from '../../src/mta/formats/brevo';
import { mailgun } from '../../src/mta/formats/mailgun';
import { mailjet } from '../../src/mta/formats/mailjet';
import { postmark } from '../../src/mta/formats/postmark';
import { resend } from '../../src/mta/formats/resend';
import { sendgrid } from '../../src/mta/formats/sendgrid';
import { ses } from '../../src/mta/formats/ses';
import type { Json } from '../../src/mta/json';
import { READER_SETTINGS } from '../../src/mta/settings';
import { byCategoryLast, headersOf, namedValues, recipientsOf, unquoted } from '../../src/mta/webhook';

const ANN = 'ann@example.net';
const SECONDS = 1_795_595_200;
const MILLIS = SECONDS * 1_000;
const ISO = '2026-11-25T08:26:40.000Z';

const read = (format: JsonFormat, body: Json): Reading[] =>
  format.events(body).flatMap((event) => format.read(event, READER_SETTINGS));

const sesComplaint = (complaint: Json): Json => ({
  eventType: 'Complaint',
  mail: { messageId: 'ses-1', timestamp: ISO, destination: [ANN] },
  complaint,
});

const COMPLAINTS: readonly (readonly [JsonFormat, Json, string | null])[] = [
  [
    ses,
    sesComplaint({
      complainedRecipients: [{ emailAddress: ANN }],
      timestamp: ISO,
      complaintFeedbackType: 'abuse',
    }),
    'abuse',
  ],
  [sendgrid, [{ event: 'spamreport', email: ANN, timestamp: SECONDS }], null],
  [mailgun, { 'event-data': { event: 'complained', recipient: ANN, timestamp: SECONDS } }, null],
  [postmark, { RecordType: 'SpamComplaint', Type: 'SpamComplaint', Email: ANN, BouncedAt: ISO }, null],
  [postmark, { RecordType: 'Bounce', Type: 'SpamComplaint', Email: ANN, BouncedAt: ISO }, null],
  [mailjet, [{ event: 'spam', email: ANN, time: SECONDS }], null],
  [brevo, { event: 'spam', email: ANN, ts_epoch: MILLIS }, null],
  [brevo, { event: 'complaint', email: ANN, ts_epoch: MILLIS }, null],
  [resend, { type: 'email.complained', created_at: ISO, data: { to: [ANN] } }, null],
];

it.each(COMPLAINTS.map((row) => [row[0].name, ...row] as const))(
  '%s: a complaint is a complaint of its recipient',
  (_, format, body, feedbackType) => {
    const complaint = {
      meaning: 'complained',
      recipient: ANN,
      occurredAt: MILLIS,
      cause: null,
      feedbackType,
    };
    expect(read(format, body)).toMatchObject([complaint]);
  },
);

it('ses: a complaint of an earlier message suppresses this one, and does not count again', () => {
  const suppressed = sesComplaint({
    complainedRecipients: [{ emailAddress: ANN }],
    timestamp: ISO,
    complaintSubType: 'OnAccountSuppressionList',
  });
  const [reading] = read(ses, suppressed);
  expect(reading).toMatchObject({
    meaning: 'not-relayed',
    cause: { text: 'suppressed: OnAccountSuppressionList' },
  });
});

it('ses: of carriers inside of each other more than five are not read', () => {
  const carried = (levels: number): Json =>
    levels === 0 ? { eventType: 'Open' } : { Body: JSON.stringify(carried(levels - 1)) };
  expect(read(ses, carried(4))).toEqual([{ ignored: 'Open' }]);
  expect(read(ses, carried(6))).toMatchObject([{ rejected: 'not-parsable' }]);
});

it('ses: the greeting of a topic with raw delivery is no JSON, and ignored', () => {
  const greeting = 'Successfully validated SNS topic for Amazon SES event publishing.';
  expect(read(ses, greeting)).toEqual([{ ignored: 'greeting' }]);
});

describe('byCategoryLast', () => {
  const cause = (text: string | null) =>
    byCategoryLast(causeOf({ category: 'Vague', categories: categoriesOf({ vague: 20 }), text }));

  it('leaves the class to the text where it tells', () => {
    expect(classify(cause('552 5.2.2 mailbox full'))).toEqual({ bounceClass: 22, by: 'text' });
  });

  it('takes the category where text and codes are silent', () => {
    expect(classify(cause('quux'))).toEqual({ bounceClass: 20, by: 'category' });
  });

  it('leaves the word to the tables of a user', () => {
    const additions = { categories: categoriesOf({ vague: 51 }), texts: [] };
    expect(classify(cause('552 5.2.2 mailbox full'), additions).bounceClass).toBe(51);
  });
});

it('headers are read from objects, pairs and named values, by lower case, the first of a name', () => {
  const expected = new Map([['x-a', '1']]);
  expect(headersOf({ 'X-A': '1' })).toEqual(expected);
  expect(headersOf([['X-A', '1'], ['x-a', '2'], ['X-B'], 7])).toEqual(expected);
  expect(headersOf([{ name: 'X-A', value: 1 }, { name: 'X-B' }])).toEqual(expected);
});

it('named values become an object whose prototype no name changes', () => {
  const object = namedValues([{ name: '__proto__', value: 'x' }]);
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  expect(Object.hasOwn(object, '__proto__')).toBe(true);
});

it('recipients are named once, and null stands for none', () => {
  expect(recipientsOf([ANN, ANN])).toEqual([ANN]);
  expect(recipientsOf([])).toEqual([null]);
});

it('a text is unquoted only where it holds an object or an array', () => {
  expect(unquoted('{"a":1}')).toEqual({ a: 1 });
  expect(unquoted('{broken')).toBe('{broken');
  expect(unquoted('7')).toBe('7');
});
