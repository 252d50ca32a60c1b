import type { Tally } from '../ingest/tally';
import { grouped, print } from './print';

/** What was taken, for people. */
export function tallyLines({ events, feedback, ignored, deadLetters, first }: Tally): string[] {
  const set = [...deadLetters.values()].reduce((sum, count) => sum + count, 0);
  const reasons = [...deadLetters].map(([reason, count]) => `${reason} ${grouped(count)}`).join(', ');
  return [
    `${grouped(events)} events: ${grouped(feedback)} feedback, ${grouped(ignored)} ignored, ${grouped(set)} dead-lettered` +
      (set === 0 ? '' : ` (${reasons})`),
    ...(first === null ? [] : [`the first dead letter: ${first}`]),
  ];
}

/** Prints what was taken: for people, or as JSON. */
export function printTally(tally: Tally, options: { readonly json?: true }): void {
  print({ ...tally, deadLetters: Object.fromEntries(tally.deadLetters) }, options, () => tallyLines(tally));
}
