import { MINUTE_MS } from '../base/time';
import type { MtaEvent, Reading } from '../mta/event';
import type { Format } from '../mta/format';
import { identityRule } from '../mta/identity';
import { parseJson } from '../mta/json';
import { OWN_HEADERS } from '../mta/settings';
import type { IngestSource, Taken } from './source';

/** How far back a source's events are counted, and how many it takes to judge it. */
const WINDOW_MS = 5 * MINUTE_MS;
const EVENTS_MIN = 5;
const LEAVES_MAX = 500;
const DEPTH_MAX = 5;

type IdName = 'deliveryId' | 'messageId';
/** Names of fields and headers that look like an id, where none of the customary ones answers. */
const LOOKS_LIKE: Readonly<Record<IdName, RegExp>> = {
  deliveryId: /deliver|campaign|mailing|broadcast|job|transmission/iu,
  messageId: /(?:message|msg|email|mail|send).?id|^id$|uuid/iu,
};

const isEvent = (reading: Reading): reading is MtaEvent => 'meaning' in reading;

/** The paths of an event's texts and numbers, at most so many. */
function* pathsOf(value: unknown, path: readonly string[] = []): Generator<string[]> {
  if (path.length > DEPTH_MAX || typeof value !== 'object' || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    if (name.includes('.') || name.includes(':') || name === '') continue;
    const next = [...path, name];
    if (typeof each === 'string' || typeof each === 'number') yield next;
    else yield* pathsOf(each, next);
  }
}

/** The rules that may find an id, the likeliest first. */
function* candidates({ identity }: Format, event: MtaEvent, name: IdName): Generator<string> {
  yield* identity[name];
  yield OWN_HEADERS[name];
  for (const header of event.headers.keys()) if (LOOKS_LIKE[name].test(header)) yield `header:${header}`;
  let leaves = 0;
  for (const path of pathsOf(event.fields)) {
    if (LOOKS_LIKE[name].test(path.at(-1) ?? '')) yield path.join('.');
    if ((leaves += 1) > LEAVES_MAX) return;
  }
  if (name === 'messageId') yield 'native';
}

/** A rule that finds the id which an unmatched event lacked, and the id; null where none does. */
export function matchingRule({ format, reader }: IngestSource, { mapped, raw }: Taken): string | null {
  if (mapped.outcome !== 'dead-letter' || format.framing !== 'json' || typeof raw !== 'string') return null;
  const name: IdName = mapped.detail.startsWith('no deliveryId') ? 'deliveryId' : 'messageId';
  try {
    const event = format.read(parseJson(raw), reader).find(isEvent);
    if (event === undefined) return null;
    for (const rule of candidates(format, event, name))
      if (identityRule(rule, name).find(event) !== null) return `${name}: ${rule}`;
  } catch {
    // A hint is not worth an error.
  }
  return null;
}

interface Minute {
  readonly began: number;
  matched: number;
  unmatched: number;
}

/** Watches whether the identity rules of sources find anything. */
export interface Matching {
  taken(source: IngestSource, taken: readonly Taken[], now: number): void;
  /** By source: why most of its events of the last minutes name no message, and what would help; null where they do. */
  reasons(now: number): ReadonlyMap<string, string | null>;
}

interface Watched {
  minutes: Minute[];
  /** What the last hint was made of, and when. */
  hint: string | null;
  hintedAt: number;
  detail: string;
}

function reasonOf({ minutes, hint, detail }: Watched, name: string): string | null {
  const count = (of: 'matched' | 'unmatched'): number => minutes.reduce((sum, each) => sum + each[of], 0);
  const [unmatched, matched] = [count('unmatched'), count('matched')];
  if (unmatched < EVENTS_MIN || unmatched <= matched) return null;
  const help = hint === null ? 'no customary place of an id has one' : `this rule finds one: ${hint}`;
  return `most events of source ${name} name no message (${unmatched} of ${unmatched + matched}; ${detail}); ${help}`;
}

export function watchMatching(): Matching {
  const sources = new Map<string, Watched>();
  const minuteOf = ({ minutes }: Watched, now: number): Minute => {
    const began = now - (now % MINUTE_MS);
    const last = minutes.at(-1);
    if (last?.began === began) return last;
    const minute = { began, matched: 0, unmatched: 0 };
    minutes.push(minute);
    return minute;
  };
  const forget = (watched: Watched, now: number): void => {
    watched.minutes = watched.minutes.filter(({ began }) => began > now - WINDOW_MS);
  };
  return {
    taken(source, taken, now) {
      const known = sources.get(source.name);
      const watched = known ?? { minutes: [], hint: null, hintedAt: -Infinity, detail: '' };
      if (known === undefined) sources.set(source.name, watched);
      forget(watched, now);
      const minute = minuteOf(watched, now);
      for (const each of taken) {
        if (each.mapped.outcome === 'feedback') minute.matched += 1;
        if (each.mapped.outcome !== 'dead-letter' || each.mapped.reason !== 'unmatched') continue;
        minute.unmatched += 1;
        watched.detail = each.mapped.detail;
        // One event tells as much as all: they are of one source.
        if (now - watched.hintedAt < MINUTE_MS) continue;
        watched.hintedAt = now;
        watched.hint = matchingRule(source, each);
      }
    },
    reasons(now) {
      for (const watched of sources.values()) forget(watched, now);
      return new Map([...sources].map(([name, watched]) => [name, reasonOf(watched, name)]));
    },
  };
}
