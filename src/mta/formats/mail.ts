import { addressOf } from '../address';
import { type Cause, causeOf, statusIn, textClass } from '../classify';
import { STATUS_CLASSES } from '../classes';
import { type MtaEvent, mtaEvent, type Reading } from '../event';
import type { MailFormat, ReaderSettings } from '../format';
import { headerOf, headersIn, type ParsedMail } from '../mail';
import { isAutoReply, isBounceText, saysDelayed } from './mail-kind';
import { originalHeaders, withoutOriginal } from './mail-original';
import { addressIn, deliveryStatusOf, type Fields, fieldsOf, typed } from './mail-report';
import { recipientsInText, replyIn, type TextRecipient } from './mail-text';
import { mailTime } from './mail-time';

/** What all readings of one mail share. */
interface Common {
  readonly mail: ParsedMail;
  readonly text: string;
  readonly original: Fields;
  readonly report: Fields;
  readonly envelope: readonly string[];
  readonly messageIdHeader: string | null;
  readonly zone: string;
}

const DIAGNOSTIC_MAX = 500;
const ENVELOPE_HEADERS = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'to'] as const;
const ADDRESSES = /[^\s<>,;"()]{1,256}@[^\s<>,;"()]{1,253}/gu;
const NO_FIELDS: Fields = new Map();

const addressesIn = (value: string | null | undefined): readonly string[] =>
  (value ?? '').slice(0, 65_536).match(ADDRESSES) ?? [];

/** Where VERP may be: who the mail was delivered to, and the envelope sender of the original. */
function envelopeOf(mail: ParsedMail, report: Fields, original: Fields): readonly string[] {
  const values = [
    ...ENVELOPE_HEADERS.flatMap((name) =>
      mail.headers.filter(({ key }) => key === name).map(({ value }) => value),
    ),
    ...[report.get('x-postfix-sender'), report.get('original-mail-from'), original.get('return-path')],
  ];
  return [...new Set(values.flatMap(addressesIn))].slice(0, 100);
}

const ID = /<([^\s<>]{1,998}@[^\s<>]{1,998})>/u;

/** The Message-ID of the original: from its headers, the report, else from what the mail answers to. */
function originalId(mail: ParsedMail, report: Fields, original: Fields): string | null {
  const named = original.get('message-id') ?? report.get('x-original-message-id');
  if (named !== undefined && named.trim() !== '') return named.trim();
  for (const name of ['in-reply-to', 'references']) {
    const ids = (headerOf(mail, name) ?? '').match(new RegExp(ID, 'gu'));
    if (ids !== null) return ids.at(-1) ?? null;
  }
  return null;
}

function commonOf(mail: ParsedMail, report: Fields, zone: string): Common {
  const original = fieldsOf(originalHeaders(mail));
  return {
    ...{ mail, original, report, zone },
    text: withoutOriginal(mail.text),
    envelope: envelopeOf(mail, report, original),
    messageIdHeader: originalId(mail, report, original),
  };
}

function eventOf(common: Common, word: string, recipientFields: Fields, given: Partial<MtaEvent>): MtaEvent {
  const { mail, original, report, envelope, messageIdHeader, zone } = common;
  const id = headerOf(mail, 'message-id')?.trim() ?? '';
  return mtaEvent({
    event: word,
    meaning: 'bounced',
    fields: {
      report: Object.fromEntries(report),
      recipient: Object.fromEntries(recipientFields),
      original: Object.fromEntries(original),
      ...(id === '' ? { text: common.text } : {}),
    },
    eventId: id === '' ? null : `${id}/${word}`,
    nativeId: messageIdHeader,
    nativeIdIsShared: true,
    occurredAt: mailTime(
      zone,
      recipientFields.get('last-attempt-date'),
      report.get('arrival-date'),
      headerOf(mail, 'date'),
    ),
    headers: original,
    ...{ envelope, messageIdHeader },
    ...given,
  });
}

/** Whether a status alone tells the reason. */
const isTelling = (status: string | null): boolean => STATUS_CLASSES.has(status?.slice(2) ?? '');

/** The cause by the first text that tells a reason; else by the first one, with the status. */
function causeBy(texts: readonly (string | null | undefined)[], status: string | null): Cause {
  const candidates = texts.filter((text): text is string => typeof text === 'string' && text.trim() !== '');
  const said = candidates[0] ?? null;
  const telling =
    said !== null && (textClass(said) !== null || isTelling(status))
      ? said
      : (candidates.find((text) => textClass(text) !== null) ?? said);
  const text =
    telling
      ?.replace(/\s{1,}/gu, ' ')
      .trim()
      .slice(0, DIAGNOSTIC_MAX) ?? null;
  const reply = said === null ? null : causeOf({ text: said });
  return causeOf({
    text,
    enhancedStatus: status ?? reply?.enhancedStatus ?? null,
    smtpCode: reply?.smtpCode ?? null,
    command: reply?.command ?? null,
  });
}

/** The part of a text that tells of a recipient: his own lines, or all of it where it names no other. */
function saysOf(common: Common, address: string | null, isAlone: boolean): readonly string[] {
  if (isAlone) return [replyIn(common.text), common.text.slice(0, 4_096)].filter((each) => each !== null);
  const at = address === null ? -1 : common.text.toLowerCase().indexOf(address.toLowerCase());
  return at < 0 ? [] : [common.text.slice(at, at + 400)];
}

const originalTo = (original: Fields): string | null => {
  const to = addressesIn(original.get('to'));
  return to.length === 1 ? (to[0] ?? null) : null;
};

function actionOf(fields: Fields, report: Fields): string {
  const action = /^[a-z]{1,20}/iu
    .exec(fields.get('action') ?? report.get('action') ?? '')?.[0]
    ?.toLowerCase();
  if (action !== undefined && /^(?:failed|delayed|delivered|relayed|expanded)$/u.test(action)) return action;
  const [first] = statusIn(fields.get('status') ?? null) ?? '5';
  return first === '2' ? 'delivered' : first === '4' ? 'delayed' : 'failed';
}

function readRecipient(common: Common, fields: Fields, isAlone: boolean): Reading {
  const word = actionOf(fields, common.report);
  if (word === 'relayed' || word === 'expanded') return { ignored: word };
  const recipient =
    addressIn(fields.get('original-recipient')) ??
    addressIn(fields.get('final-recipient')) ??
    originalTo(common.original);
  if (word === 'delivered') return eventOf(common, word, fields, { meaning: 'delivered', recipient });
  const status = statusIn(fields.get('status') ?? null);
  const diagnostic = typed(fields.get('diagnostic-code'));
  const status0 = /\.0\.0$/u.test(status ?? '.0.0') ? statusIn(diagnostic) : null;
  const comment = /\((.{3,200})\)/u.exec(fields.get('status') ?? '')?.[1];
  const final = addressIn(fields.get('final-recipient')) ?? recipient;
  const cause = causeBy([diagnostic, comment, ...saysOf(common, final, isAlone)], status0 ?? status);
  return eventOf(common, word, fields, {
    meaning: word === 'delayed' ? 'deferred' : 'bounced',
    recipient,
    cause,
  });
}

/** Complaints (RFC 5965), one for each recipient that is named. Failures of authentication are no complaints. */
function readComplaint(
  mail: ParsedMail,
  fields: ReturnType<typeof headersIn>,
  zone: string,
): readonly Reading[] {
  const report = fieldsOf(fields);
  const type = (report.get('feedback-type') ?? 'abuse').trim().toLowerCase().slice(0, 64);
  if (type === 'auth-failure') return [{ ignored: type }];
  const common = commonOf(mail, report, zone);
  const named = fields.filter(({ key }) => key === 'original-rcpt-to' || key === 'removal-recipient');
  const marked = common.original.get('x-hmxmroriginalrecipient');
  const addresses = [...new Set([...named.map(({ value }) => value), marked ?? ''].flatMap(addressesIn))];
  const recipients = addresses.length > 0 ? addresses.slice(0, 10_000) : [originalTo(common.original)];
  const occurredAt = mailTime(
    zone,
    headerOf(mail, 'date'),
    report.get('arrival-date'),
    report.get('received-date'),
  );
  return recipients.map((recipient) =>
    eventOf(common, type, NO_FIELDS, { meaning: 'complained', feedbackType: type, recipient, occurredAt }),
  );
}

function feedbackFields(mail: ParsedMail): ReturnType<typeof headersIn> | null {
  const part = mail.parts.find(({ type }) => type === 'message/feedback-report');
  if (part !== undefined) return headersIn(part.content);
  const isReport = /report-type="?feedback-report/iu.test(headerOf(mail, 'content-type') ?? '');
  const isJunkReport = /^\s{0,4}complaint about message from/iu.test(headerOf(mail, 'subject') ?? '');
  return isReport || isJunkReport ? [] : null;
}

function readText(common: Common): readonly Reading[] {
  const { mail, text, original } = common;
  const subject = headerOf(mail, 'subject') ?? '';
  const failed = addressesIn(headerOf(mail, 'x-failed-recipients'));
  const ours = [...common.envelope, addressOf(headerOf(mail, 'from') ?? ''), original.get('from') ?? ''];
  const found = recipientsInText(text, ours, failed);
  const unnamed: TextRecipient = { address: '', says: text };
  const word = saysDelayed(subject, text) ? 'delayed' : 'failed';
  return (found.length > 0 ? found : [unnamed]).map(({ address, says }) => {
    const whole = found.length > 1 ? [] : [replyIn(text), text.slice(0, 4_096)];
    const cause = causeBy([replyIn(says), says, ...whole, subject], null);
    const recipient = address === '' ? originalTo(original) : address;
    return eventOf(common, word, NO_FIELDS, {
      meaning: word === 'delayed' ? 'deferred' : 'bounced',
      ...{ recipient, cause },
    });
  });
}

const isReceipt = (mail: ParsedMail): boolean =>
  mail.parts.some(({ type }) => type === 'message/disposition-notification');

function read(mail: ParsedMail, { zone }: ReaderSettings): readonly Reading[] {
  const feedback = feedbackFields(mail);
  if (feedback !== null) return readComplaint(mail, feedback, zone);
  if (isReceipt(mail)) return [{ ignored: 'disposition-notification' }];
  const status = deliveryStatusOf(mail);
  if (status !== null && status.recipients.length > 0) {
    const common = commonOf(mail, status.message, zone);
    return status.recipients.map((fields) => readRecipient(common, fields, status.recipients.length === 1));
  }
  const common = commonOf(mail, status?.message ?? NO_FIELDS, zone);
  if (isBounceText(mail, common.text)) return readText(common);
  if (isAutoReply(mail)) return [{ ignored: 'auto-reply' }];
  return [{ rejected: 'unknown-event', detail: 'not a bounce' }];
}

/** Bounce mails, delay notices, complaints and automatic replies: RFC 3464, RFC 5965, and what MTAs write without them. */
export const mail: MailFormat = {
  name: 'mail',
  framing: 'mail',
  identity: { deliveryId: [], messageId: [] },
  read,
};
