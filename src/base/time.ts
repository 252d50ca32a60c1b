export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** 3.5 days: no message is retried longer, whatever was configured. */
export const VALIDITY_MAX_MS = 84 * HOUR_MS;
/** Asynchronous bounces arrive within a week of acceptance. */
export const LATE_BOUNCES_MS = 7 * DAY_MS;

/** The last moment that ISO 8601 text can say, and with a minus the first: 100,000,000 days from 1970 (ECMA-262, 21.4.1.1). */
const LAST_MOMENT = 100_000_000 * DAY_MS;

/** A moment in ISO 8601, UTC, to the millisecond; beyond the first and the last one that can be said, that one. */
export const iso = (millis: number): string =>
  new Date(Math.max(-LAST_MOMENT, Math.min(LAST_MOMENT, millis))).toISOString();
