import type { Taken } from './source';

/** How many events became what, by kind of outcome and by reason or topic. */
export interface Tally {
  readonly events: number;
  readonly feedback: number;
  readonly ignored: number;
  readonly deadLetters: ReadonlyMap<string, number>;
  /** The first dead letter's reason and detail. */
  readonly first: string | null;
}

export const NOTHING_TAKEN: Tally = {
  events: 0,
  feedback: 0,
  ignored: 0,
  deadLetters: new Map(),
  first: null,
};

/** The tally after further events. */
export function tallied(before: Tally, taken: readonly Taken[]): Tally {
  let { feedback, ignored, first } = before;
  const deadLetters = new Map(before.deadLetters);
  for (const { mapped } of taken) {
    if (mapped.outcome === 'feedback') feedback += 1;
    else if (mapped.outcome === 'ignored') ignored += 1;
    else {
      deadLetters.set(mapped.reason, (deadLetters.get(mapped.reason) ?? 0) + 1);
      first ??= `${mapped.reason}: ${mapped.detail}`;
    }
  }
  return { events: before.events + taken.length, feedback, ignored, deadLetters, first };
}
