const WORD = /=\?[\w-]{1,40}\?([BQ])\?([^?\s]{0,998})\?=\s*/giu;

const quoted = (text: string): string =>
  text
    .replaceAll('_', ' ')
    .replace(/=([\dA-F]{2})/giu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** A text whose encoded words (RFC 2047) are decoded as ASCII: some mailers encode long ids so. */
export const withoutEncodedWords = (text: string): string =>
  text.replace(WORD, (_, kind: string, content: string) =>
    kind.toUpperCase() === 'B' ? Buffer.from(content, 'base64').toString('latin1') : quoted(content),
  );
