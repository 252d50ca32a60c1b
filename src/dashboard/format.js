// Figures and times as people read them. Pure: times are milliseconds since 1970 and come in as arguments.

const COUNT = new Intl.NumberFormat('en-US');
const DATE = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1,234,567`. @param {number} value */
export const count = (value) => COUNT.format(value);

/** `1.2M`, `48k`, `937`: for narrow places. @param {number} value */
export function brief(value) {
  if (Math.abs(value) < 10_000) return count(value);
  if (Math.abs(value) < 999_500) return `${Math.round(value / 1_000)}k`;
  return `${(value / 1_000_000).toFixed(1)}M`;
}

/**
 * A share as `92.5 %`, a dash where it is not shown yet. 100 % and 0 % are exact: 99.96 % is never shown as 100 %, nor 0.04 % as 0 %.
 * @param {number | null} share
 */
export function percent(share) {
  if (share === null) return '–';
  const tenths = Math.round(share * 1_000);
  if (tenths === 1_000 && share < 1) return '99.9 %';
  if (tenths === 0 && share > 0) return '< 0.1 %';
  return `${(tenths / 10).toFixed(1)} %`;
}

/**
 * A small share as `0.21 %`, a dash where there is none: what providers accept of complaints is below a percent. 0 % is exact.
 * @param {number | null} share
 */
export function smallPercent(share) {
  if (share === null) return '–';
  const hundredths = Math.round(share * 10_000);
  return hundredths === 0 && share > 0 ? '< 0.01 %' : `${(hundredths / 100).toFixed(2)} %`;
}

/** The percentage of a part; a dash where there is no whole. @param {number} part @param {number} whole */
export const shareOf = (part, whole) => percent(whole === 0 ? null : part / whole);

/** A change of a share in percentage points: `+0.4`, `−1.2`, `±0.0`. @param {number} change */
export function points(change) {
  const tenths = Math.round(change * 1_000);
  if (tenths === 0) return '±0.0';
  return `${tenths > 0 ? '+' : '−'}${(Math.abs(tenths) / 10).toFixed(1)}`;
}

/** How long something takes: `850 ms`, `42 s`, `7 min`, `3 h 20 min`, `3 d 12 h`. @param {number} millis */
export function duration(millis) {
  const span = Math.max(0, millis);
  if (span < SECOND) return `${Math.round(span)} ms`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  const [unit, word, part, partWord] = span < DAY ? [HOUR, 'h', MINUTE, 'min'] : [DAY, 'd', HOUR, 'h'];
  const rest = Math.floor((span % unit) / part);
  return `${Math.floor(span / unit)} ${word}${rest === 0 ? '' : ` ${rest} ${partWord}`}`;
}

/** How long ago: `now`, `12 s ago`, `3 min ago`. @param {number} millis */
export const age = (millis) => (millis < 2 * SECOND ? 'now' : `${duration(millis)} ago`);

/** `2026-11-25 04:12:09` in UTC. @param {string} iso */
export const instant = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;

/** `04:12:09` in UTC. @param {number} at */
export const clock = (at) => new Date(at).toISOString().slice(11, 19);

/** `25 Nov, 04:00` in UTC. @param {number} at */
export const moment = (at) => DATE.format(at);

/** `Taken into account` of `TAKEN_INTO_ACCOUNT`. @param {string} name */
export function words(name) {
  const text = name.replaceAll('_', ' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
/** Names of reasons and types, but not of the policies. */
const NAMED = /\b(?!EFS\b|RELAY\b)[A-Z]{4,}(_[A-Z]+)*\b/g;

/** A sentence of the service with its times and names as people read them. @param {string} sentence */
export const plain = (sentence) =>
  sentence
    .replace(INSTANT, (iso) => `${instant(iso)} UTC`)
    .replace(NAMED, (name) => words(name).toLowerCase());

/** A text without the word that it begins with, where that word is already shown. @param {string} text @param {string} word */
export const without = (text, word) =>
  text.toLowerCase().startsWith(word.toLowerCase()) ? text.slice(word.length).trim() : text;
