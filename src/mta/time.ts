import { DAY_MS } from '../base/time';
import type { Millis } from '../feedback/feedback';

const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);
const MICROS_FROM = 1e14;
const MILLIS_FROM = 1e11;
const DIGITS = /^\d+(?:\.\d+)?$/u;
/** ISO 8601, and the forms of logs: `2026-11-25 08:26:40+0000`. */
const WRITTEN =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/u;
/** The date of a mail (RFC 5322, 3.3), the name of the day and the seconds left out or not. */
const MAIL_DATE =
  /^(?:[A-Z]{3},\s*)?\d{1,2}\s+[A-Z]{3}\s+\d{4}\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s+(?:[+-]\d{4}|[A-Z]{1,5}))?(?:\s*\([^)]*\))?$/iu;
const HAS_OFFSET = /(?:[+-]\d{4}|:\d{2}\s+[A-Z]{1,5})\s*(?:\([^)]*\))?$/iu;

/** A time within the bounds of the contract, else null. */
const valid = (time: number): Millis | null => (time >= EARLIEST && time < LATEST ? time : null);

/** A number of seconds, milliseconds or microseconds since 1970, told apart by its size; fractions are rounded. */
function ofNumber(value: number): Millis | null {
  if (value >= MICROS_FROM) return valid(Math.floor(value / 1_000));
  return valid(Math.round(value >= MILLIS_FROM ? value : value * 1_000));
}

/** `+02` and `+0200` as `+02:00`. */
function offsetOf(zone: string): string {
  if (/^[A-Z]/u.test(zone)) return 'Z';
  const digits = zone.slice(1).replace(':', '');
  return `${zone.slice(0, 1)}${digits.slice(0, 2)}:${digits.slice(2) || '00'}`;
}

/**
 * The time that an event states: seconds, milliseconds or microseconds since 1970 (also as text), ISO 8601, the date of a
 * log line, or the date of a mail (RFC 5322). `zone` is the offset of a time that names none, like `+02:00`. Null where
 * it is no time, or not of this century.
 */
export function timeOf(value: unknown, zone = 'Z'): Millis | null {
  if (typeof value === 'number') return ofNumber(value);
  if (typeof value !== 'string') return null;
  const text = value.trim().slice(0, 64);
  if (DIGITS.test(text)) return ofNumber(Number(text));
  const written = WRITTEN.exec(text);
  if (written !== null) {
    const [, date, time, fraction = '', given] = written;
    const offset = given === undefined ? zone : offsetOf(given);
    return valid(Date.parse(`${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${offset}`));
  }
  if (!MAIL_DATE.test(text)) return null;
  // Without an offset `Date.parse` would take the zone of this machine.
  return valid(
    Date.parse(HAS_OFFSET.test(text) ? text : `${text} ${zone === 'Z' ? '+0000' : zone.replace(':', '')}`),
  );
}

/** The first of the values that is a time. */
export function firstTime(zone: string, ...values: readonly unknown[]): Millis | null {
  for (const value of values) {
    const time = timeOf(value, zone);
    if (time !== null) return time;
  }
  return null;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const YEARLESS = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/u;
/** At most so many years lie between one 29 February and the next. */
const LEAP_YEARS_APART = 8;

/**
 * The time of a date without a year, as syslog writes it: `Nov 25 08:26:43`. The year is the latest in which the date
 * exists and is not more than a day after `latest`. `zone` is the offset of the time.
 */
export function timeWithoutYear(text: string, zone: string, latest: Millis): Millis | null {
  const [, name = '', day, hour, minute, second, fraction = ''] = YEARLESS.exec(text) ?? [];
  const month = MONTHS.indexOf(name);
  if (month < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const behindUtc = Date.parse(`1970-01-01T00:00:00${zone}`);
  const lastYear = new Date(latest + DAY_MS - behindUtc).getUTCFullYear();
  for (let year = lastYear; year >= lastYear - LEAP_YEARS_APART; year -= 1) {
    const midnight = Date.UTC(year, month, Number(day));
    if (new Date(midnight).getUTCMonth() !== month) continue;
    const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
    const time = midnight + seconds * 1_000 + Number(fraction.padEnd(3, '0').slice(0, 3)) + behindUtc;
    if (time <= latest + DAY_MS) return valid(time);
  }
  return null;
}
