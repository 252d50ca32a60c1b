import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { Reading } from '../../src/mta/event';
import { mapReading, printable, type SourceSettings } from '../../src/mta/feedback';
import type { Format, MailFormat, ReaderSettings } from '../../src/mta/format';
import { parseJson } from '../../src/mta/json';
import { parseMail } from '../../src/mta/mail';
import { customary, READER_SETTINGS } from '../../src/mta/settings';

const FOLDER = join(__dirname, 'samples');

/** Whether a text is a JSON object a line. */
export const isNdjson = (text: string): boolean => /\}\n\{/u.test(text);

/** What the format reads in a text, with nothing of the doors around it: as one request's body, or line by line. */
export function readings(
  format: Format,
  text: string,
  settings: ReaderSettings = READER_SETTINGS,
): Reading[] {
  const lines = (): string[] => text.split('\n').filter((line) => line !== '');
  switch (format.framing) {
    case 'json': {
      const values = format.isLog || isNdjson(text) ? lines().map(parseJson) : [parseJson(text)];
      return values.flatMap(format.events).flatMap((event) => format.read(event, settings));
    }
    case 'lines': {
      const reader = format.open(settings, null);
      return lines().flatMap((line) => reader.read(line));
    }
    case 'rows': {
      const reader = format.open(settings, null);
      return parse(text, { relaxColumnCount: true }).flatMap((row: string[]) => reader.read(row));
    }
    case 'mail':
      throw new Error('mails are read asynchronously');
  }
}

/** The lines that a dry run prints for a text, with the customary settings unless others are given. */
export const outcomes = (
  format: Format,
  text: string,
  settings?: ReaderSettings,
  source: SourceSettings = customary(format),
): object[] => readings(format, text, settings).map((reading) => printable(mapReading(reading, source)));

/** The samples of a format: `NAME.EXT` and beside it `NAME.expected.json`, the array of what a dry run prints. */
export function samplesOf(format: string): { name: string; text: string; expected: object[] }[] {
  const folder = join(FOLDER, format);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => !file.endsWith('.expected.json'));
  return files.sort().map((file) => {
    const name = file.replace(/\.\w+$/u, '');
    const expected = readFileSync(join(folder, `${name}.expected.json`), 'utf8');
    return {
      name,
      text: readFileSync(join(folder, file), 'utf8'),
      expected: JSON.parse(expected) as object[],
    };
  });
}

/** The lines that a dry run prints for a mail, with the customary settings. */
export async function mailOutcomes(format: MailFormat, mail: Uint8Array): Promise<object[]> {
  const read = format.read(await parseMail(mail), READER_SETTINGS);
  return read.map((reading) => printable(mapReading(reading, customary(format))));
}
