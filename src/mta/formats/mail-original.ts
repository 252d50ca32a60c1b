import { headersIn, type MailHeader, type ParsedMail } from '../mail';

const ORIGINAL_TYPES: ReadonlySet<string> = new Set([
  ...['message/rfc822', 'text/rfc822-headers', 'text/rfc822', 'message/rfc822-headers', 'message/partial'],
  ...['message/global', 'message/global-headers'],
]);
const MESSAGE_ID = /^[> \t]{0,12}message-id\s{0,4}:\s{0,8}(?:\n[ \t]{1,8})?<?([^\s<>]{1,998})>?/imu;
/** Before the block of headers in which a Message-ID stands, there is an empty line or one of dashes. */
const BLOCK_MAX = 32_768;

/** The headers of the returned message in a text: the block of lines around the first Message-ID. */
function blockIn(text: string): readonly MailHeader[] {
  const found = MESSAGE_ID.exec(text);
  if (found === null) return [];
  const before = text.slice(Math.max(0, found.index - BLOCK_MAX), found.index);
  const start = found.index - (before.length - (before.lastIndexOf('\n\n') + 1));
  const indent = /^[> \t]{0,12}/u.exec(found[0])?.[0] ?? '';
  const lines = text
    .slice(Math.max(0, start), found.index + BLOCK_MAX)
    .replace(/^\n{1,2}/u, '')
    .split('\n');
  const shifted = lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
  return headersIn(shifted.join('\n'));
}

/**
 * The headers of the returned original: of its own part, of a report that was returned itself, else those in the
 * text or in what MIME hides. Without any, an empty list.
 */
export function originalHeaders(mail: ParsedMail): readonly MailHeader[] {
  for (const { type, content } of mail.parts) {
    if (!ORIGINAL_TYPES.has(type)) continue;
    const report = content.search(/^content-type:[ \t]{0,8}message\/delivery-status/imu);
    const headers = report < 0 ? headersIn(content) : blockIn(content.slice(report));
    if (headers.length > 0) return headers;
  }
  const inText = blockIn(mail.text);
  return inText.length > 0 ? inText : blockIn(mail.source);
}

/** Where the returned original begins within a text; the text's length where it does not. */
const ORIGINAL_BEGINS =
  /^[ \t>]{0,4}(?:[-=*_]{2,80}[ \t]{0,4}(?:(?:this is a )?copy of|original|returned|forwarded|unsent|below this|message (?:header|text|contents)|the (?:header|body|original)|header|included|start of|end of|ursprüng|nachricht|mensaje|message d|no message|undeliver|here is|ここ|元の|以下)|original message (?:follows|headers)|-{3,40}[ \t]{0,4}original|included is a copy of|(?:below|here) (?:is|follows) (?:a copy|the original)|en-t.tes de message|a copy of the original|message text follows|old message:|received: (?:from|by)|return-path: <)/imu;

/** The text of a bounce mail without the message that it returns. */
export function withoutOriginal(text: string): string {
  const at = text.search(ORIGINAL_BEGINS);
  return at <= 0 ? text : text.slice(0, at);
}
