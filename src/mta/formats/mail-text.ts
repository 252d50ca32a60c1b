import { addressOf } from '../address';

/** A recipient that a text names, and what it says of him. */
export interface TextRecipient {
  readonly address: string;
  /** The line that names him and those up to the next recipient. */
  readonly says: string;
}

const RECIPIENTS_MAX = 10_000;
const SAYS_MAX = 2_048;
const A = '[^\\s<>,;:"\'()[\\]]{1,128}@[^\\s<>,;:"\'()[\\]*]{1,253}';

/** Lines that name a failed recipient, in the forms of the MTAs that write no report. */
const LINES: readonly RegExp[] = [
  // qmail, Postfix, Yahoo; GMX and 1&1 with quotes; Sendmail and Exim with nothing.
  new RegExp(
    `^[ \\t>*-]{0,12}(?:to[ \\t]{0,4}: ?)?[<"'(]?(${A})[>"')]?(?:[ \\t]{0,4}<mailto:[^<>]{1,300}>)?(?:[ \\t]{0,4}[:;,]|[ \\t]{0,8}$|[ \\t]{1,8}[[(])`,
    'iu',
  ),
  // Exchange 5.5 and 2003
  new RegExp(`^[ \\t]{0,12}(?:.{0,80}smtp=)?(${A}) on [A-Z0-9]`, 'iu'),
  // `Recipient: <…>`, `Failed Recipient: …`, `>>> RCPT TO:<…>`, `Unknown user: …`, `Could not be delivered to: <…>`
  new RegExp(
    `^[ \\t>*-]{0,12}(?:(?:failed|original|final|undeliverable|intended|addressed|unknown|invalid|recipient|rcpt|could not|user|error|error-for|empf|destinat|adresse|undelivered|the following|delivery)[^:<@]{0,60}(?::|to|for)[ \\t]{0,4})<?"?(${A})`,
    'iu',
  ),
  // Display names and route addresses: `Ann <ann@example.net>:`
  new RegExp(`^[ \\t]{1,12}[^<>@]{1,80}<(${A})>:?`, 'iu'),
];

/** Sentences that name a recipient, for texts that have no line of his own. */
const SENTENCES: readonly RegExp[] = [
  new RegExp(
    `(?:delivered|deliver(?: your message| the message)?|sent|message|mail|email|delivery|addressed|recipient|address|rcpt) (?:to|to:|for)[ :]{0,3}[<"']{0,2}(${A})`,
    'iu',
  ),
  new RegExp(`rcpt to: ?<?(${A})`, 'iu'),
  new RegExp(`\\((${A})\\)|<(${A})>`, 'u'),
];

/** Lines that name senders and messages. */
const NO_RECIPIENT =
  /\b(?:message-?id|mail from|from|sender|reply-to|return-path|references)\b[^:@]{0,20}:/iu;

/** The recipient that a line names, or null. */
function recipientIn(line: string, isOurs: (address: string) => boolean): string | null {
  if (!line.includes('@') || NO_RECIPIENT.test(line.slice(0, 600))) return null;
  for (const form of LINES) {
    const address = form.exec(line.slice(0, 600))?.[1]?.replace(/\.$/u, '');
    if (address !== undefined && !isOurs(address)) return address;
  }
  return null;
}

const collapsed = (lines: readonly string[]): string => lines.join('\n').slice(0, SAYS_MAX);

/** The recipients that lines of the text name, each with the lines up to the next one; an address once only. */
function inLines(text: string, isOurs: (address: string) => boolean): readonly TextRecipient[] {
  const found = new Map<string, string[]>();
  let current: string[] | null = null;
  for (const line of text.split('\n')) {
    const address = recipientIn(line, isOurs);
    if (address !== null && found.size < RECIPIENTS_MAX) {
      const known = found.get(address.toLowerCase());
      current = known ?? [];
      if (known === undefined) found.set(address.toLowerCase(), current);
    }
    if (current !== null && current.length < 60) current.push(line);
  }
  return [...found].map(([address, lines]) => ({ address, says: collapsed(lines) }));
}

function inSentences(text: string, isOurs: (address: string) => boolean): readonly TextRecipient[] {
  const flat = text.slice(0, 8_192).replace(/\s{1,}/gu, ' ');
  for (const form of SENTENCES) {
    const groups = form.exec(flat);
    const address = (groups?.[1] ?? groups?.[2])?.replace(/\.$/u, '');
    if (address !== undefined && !isOurs(address)) return [{ address, says: text.slice(0, SAYS_MAX) }];
  }
  return [];
}

/**
 * The failed recipients of a bounce text without its original. `ours` are the addresses that the mail was sent to, which
 * texts name as the sender; `failed` is what `X-Failed-Recipients` names, which goes before all guesses.
 */
export function recipientsInText(
  text: string,
  ours: readonly string[],
  failed: readonly string[],
): readonly TextRecipient[] {
  const sender = new Set(ours.map((each) => addressOf(each).toLowerCase()));
  const isOurs = (address: string): boolean => sender.has(address.toLowerCase());
  const lines = inLines(text, isOurs);
  if (failed.length > 0) {
    const known = new Map(lines.map(({ address, says }) => [address, says]));
    return failed.map((address) => ({
      address,
      says: known.get(address.toLowerCase()) ?? lines[0]?.says ?? text.slice(0, SAYS_MAX),
    }));
  }
  return lines.length > 0 ? lines : inSentences(text, isOurs);
}

const REPLY = /(?:^|[\s:'"<#(>])([45]\d{2}[ -].{0,20}\S.{0,400}|[45]\.\d{1,3}\.\d{1,3}.{0,400})/u;

/**
 * The reply within a text: from the line on that begins with a code or a status, two lines of it; null where there is none.
 * A Sendmail transcript's `<<<` lines are what the server said.
 */
export function replyIn(text: string): string | null {
  const lines = text.split('\n', 200);
  const said = lines.findIndex((line) => /^\s{0,8}<{3} ?[45]\d{2}/u.test(line));
  const first = said >= 0 ? said : lines.findIndex((line) => REPLY.test(line));
  if (first < 0) return null;
  const rest = lines.slice(first + 1, first + 3);
  const empty = rest.findIndex((line) => line.trim() === '');
  const reply = [lines[first] ?? '', ...(empty < 0 ? rest : rest.slice(0, empty))]
    .join(' ')
    .replace(/^\s{0,8}<{3} ?/u, '');
  return (REPLY.exec(` ${reply}`)?.[1] ?? reply).replace(/\s{1,}/gu, ' ').trim();
}
