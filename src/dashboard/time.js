// The clock and the timers: the only module that reads and sets them. They come to all others as arguments.

/** @import { Time } from './stream.js' */

/** @type {Time} */
export const time = {
  now: () => Date.now(),
  later: (action, millis) => void setTimeout(action, millis),
};
