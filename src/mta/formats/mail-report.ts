import { headersIn, type MailHeader, type ParsedMail } from '../mail';

/** Fields of a report by their name in lower case; of those that are repeated, the first. */
export type Fields = ReadonlyMap<string, string>;

/** A delivery status (RFC 3464): what it says of the message, and of each recipient. */
export interface DeliveryStatus {
  readonly message: Fields;
  readonly recipients: readonly Fields[];
}

const RECIPIENT_MAX = 10_000;
const OF_RECIPIENT: ReadonlySet<string> = new Set(['final-recipient', 'original-recipient']);
/** Fields that begin nothing new: a group of these alone goes on with the recipient before it. */
const OF_MESSAGE: ReadonlySet<string> = new Set([
  ...['reporting-mta', 'arrival-date', 'original-envelope-id', 'received-from-mta', 'dsn-gateway'],
  ...['x-postfix-queue-id', 'x-postfix-sender', 'x-original-message-id'],
]);
const STATUS_TYPES: ReadonlySet<string> = new Set([
  'message/delivery-status',
  'message/global-delivery-status',
]);
const HAS_STATUS = /^(?:final|original)-recipient\s{0,8}:/imu;

export const fieldsOf = (headers: readonly MailHeader[]): Fields => {
  const fields = new Map<string, string>();
  for (const { key, value } of headers) if (!fields.has(key)) fields.set(key, value);
  return fields;
};

/** The groups of fields in a status, where a group also ends before a second recipient. */
function* groupsOf(content: string): Iterable<readonly MailHeader[]> {
  for (const block of content.split(/\n[ \t]{0,8}\n/u)) {
    let group: MailHeader[] = [];
    for (const header of headersIn(block)) {
      if (OF_RECIPIENT.has(header.key) && group.some(({ key }) => key === header.key)) {
        yield group;
        group = [];
      }
      group.push(header);
    }
    if (group.length > 0) yield group;
  }
}

/** Status fields outside of their part: in the text, in a report within the returned mail, or in broken MIME. */
function strayStatus({ text, parts, source }: ParsedMail): string | null {
  const within = [text, ...parts.map(({ content }) => content), source].find((each) => HAS_STATUS.test(each));
  if (within === undefined) return null;
  const marker = /^content-type:[ \t]{0,8}message\/(?:global-)?delivery-status.{0,200}$/imu.exec(within);
  const start = marker === null ? within.search(HAS_STATUS) : marker.index + marker[0].length;
  const rest = within.slice(start);
  const end = rest.search(/^--[^\s]/mu);
  return end < 0 ? rest : rest.slice(0, end);
}

/** The delivery status of a mail, or null where it has none. Reports that lack empty lines, or have too many, are read too. */
export function deliveryStatusOf(mail: ParsedMail): DeliveryStatus | null {
  const reports = mail.parts.filter(({ type }) => STATUS_TYPES.has(type)).map(({ content }) => content);
  const content = reports.length > 0 ? reports.join('\n\n') : strayStatus(mail);
  if (content === null) return null;
  const message: MailHeader[] = [];
  const recipients: MailHeader[][] = [];
  for (const group of groupsOf(content)) {
    if (recipients.length >= RECIPIENT_MAX) break;
    if (group.some(({ key }) => OF_RECIPIENT.has(key))) recipients.push([...group]);
    else if (recipients.length === 0 || group.every(({ key }) => OF_MESSAGE.has(key))) message.push(...group);
    else recipients.at(-1)?.push(...group);
  }
  return { message: fieldsOf(message), recipients: recipients.map(fieldsOf) };
}

/** `ann@example.net` of `rfc822; <ann@example.net>`; characters beyond ASCII may be written `\x{E9}` (RFC 6533). */
export function addressIn(field: string | undefined): string | null {
  if (field === undefined) return null;
  const text = field
    .slice(field.indexOf(';') + 1)
    .slice(0, 1_024)
    .replace(/\\x\{([0-9A-Fa-f]{2,6})\}/gu, (_, hex: string) => {
      const point = Number.parseInt(hex, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : '';
    });
  const found = /[^\s<>,;"()]{1,256}@[^\s<>,;"()]{1,253}/u.exec(text)?.[0];
  return found?.replace(/[.:]{1,3}$/u, '') ?? null;
}

/** The text of a typed field: `550 no such user` of `smtp; 550 no such user`. */
export const typed = (field: string | undefined): string | null =>
  field === undefined ? null : field.replace(/^[\w.-]{1,40}\s{0,4};\s{0,8}/u, '').trim() || null;
