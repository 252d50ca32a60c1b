import type { Millis } from '../../feedback/feedback';
import { firstTime } from '../time';

/** Zones that old MTAs write by name (RFC 5322, 4.3), and others that are frequent. */
const ZONES: ReadonlyMap<string, string> = new Map([
  ...['EDT', 'CDT', 'MDT', 'PDT'].map((zone, index): [string, string] => [zone, `-0${4 + index}00`]),
  ...['EST', 'CST', 'MST', 'PST'].map((zone, index): [string, string] => [zone, `-0${5 + index}00`]),
  ...['UT', 'UTC', 'GMT', 'WET', 'Z'].map((zone): [string, string] => [zone, '+0000']),
  ...['BST', 'CET', 'MET'].map((zone): [string, string] => [zone, '+0100']),
  ...['CEST', 'MEST', 'EET'].map((zone): [string, string] => [zone, '+0200']),
  ...([
    ['MSK', '+0300'],
    ['JST', '+0900'],
    ['KST', '+0900'],
  ] as [string, string][]),
]);

/** A date of a mail with a numeric zone and without its weekday and comments, which are often wrong. */
function plainDate(date: string): string {
  const text = date
    .slice(0, 100)
    .replace(/\([^()]{0,60}\)/gu, ' ')
    .replace(/^\s{0,8}[A-Za-z]{3,9}[,.]?\s{1,4}/u, '')
    .replace(/\s{1,}/gu, ' ')
    .trim();
  return text.replace(/ ([A-Z]{1,4})$/u, (whole, zone: string) => {
    const offset = ZONES.get(zone);
    return offset === undefined ? whole : ` ${offset}`;
  });
}

/** The first of the dates (RFC 5322) that is a time of this century. */
export function mailTime(zone: string, ...dates: readonly (string | null | undefined)[]): Millis | null {
  return firstTime(zone, ...dates.map((date) => (typeof date === 'string' ? plainDate(date) : null)));
}
