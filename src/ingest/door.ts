import type { Clock } from '../base/clock';
import { inSpan } from '../tracing/span';
import { type Auth, provenByBody, provenByHeaders } from './auth';
import { type Pace, takenOfBody, TooManyEvents } from './body';
import { carriedData } from './cloud-events';
import { inflated } from './inflate';
import { headerOf, type SignedRequest } from './signatures';
import { snsMessage, type Sns } from './sns';
import type { IngestSource, Taken } from './source';
import { NOTHING_TAKEN, tallied, type Tally } from './tally';
import type { Writer } from './writer';

/** What the door takes of memory and time. docs/operations.md has the same bounds as a table. */
export const DOOR_BOUNDS = {
  /** A body, inflated. Momentum sends 10,000 events at once. */
  bodyBytes: 32 * 1024 * 1024,
  events: 10_000,
  /** Of all bodies that are not acknowledged. */
  heldBytes: 64 * 1024 * 1024,
  /** From the end of the body to the answer. Momentum waits 6 s for it. */
  answerWithinMs: 4_000,
  /** When a sender should try again that was told to. */
  retryAfterSeconds: 30,
  /** After so long a slice of events other requests have their turn. */
  sliceMs: 5,
};
export type DoorBounds = typeof DOOR_BOUNDS;

/** A source with the way its senders prove themselves. */
export interface DoorSource {
  readonly source: IngestSource;
  readonly auth: Auth;
}

/** The answer to a request. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface DoorDeps {
  /** Resolves when all is acknowledged. Rejects, in a time that is bounded, where that failed: nothing is lost by a repeat. */
  readonly write: Writer;
  readonly sns: Sns;
  readonly clock: Clock;
  readonly bounds: DoorBounds;
  /** Called with what is acknowledged. */
  onTaken(source: IngestSource, taken: readonly Taken[]): void;
  /** Called with what failed, and what is not a matter of the request. */
  onFailure(error: unknown): void;
}

const refusal = (status: number, code: string, message: string, headers?: Answer['headers']): Answer => ({
  status,
  body: { code, message },
  ...(headers && { headers }),
});

export const wrongSecret = (): Answer =>
  refusal(401, 'wrong-secret', 'the request does not prove who sent it, by the auth of this source', {
    'www-authenticate': 'Basic realm="efs ingest", charset="UTF-8"',
  });
export const tooLarge = ({ bodyBytes, events }: DoorBounds): Answer =>
  refusal(413, 'too-large', `a request holds at most ${bodyBytes} bytes, inflated, and ${events} events`);
export const unavailable = ({ retryAfterSeconds }: DoorBounds): Answer =>
  refusal(503, 'unavailable', 'the events are not acknowledged: send them again', {
    'retry-after': String(retryAfterSeconds),
  });
const unknownEncoding = (): Answer =>
  refusal(415, 'unknown-encoding', 'the Content-Encoding is neither gzip nor deflate', {
    'accept-encoding': 'gzip, deflate',
  });

const accepted = ({ events, feedback, ignored, deadLetters }: Tally): Answer => {
  const setAside = [...deadLetters.values()].reduce((sum, count) => sum + count, 0);
  return { status: 200, body: { received: events, produced: feedback, ignored, setAside } };
};

/** Does one work at a time, in the order of the calls. */
function oneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

/** Bytes that are held for senders. */
export interface Held {
  /** Returns what gives the bytes back; null where there would be too many. */
  take(bytes: number): (() => void) | null;
  bytes(): number;
}

export function heldBytes(bound: number): Held {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > bound) return null;
      held += bytes;
      let isHeld = true;
      return () => {
        if (isHeld) held -= bytes;
        isHeld = false;
      };
    },
    bytes: () => held,
  };
}

/** Lets other requests have their turn between slices of events. */
function pace(clock: Clock, { events, sliceMs }: DoorBounds): Pace {
  let began = clock.monotonic();
  return {
    eventsMax: events,
    next() {
      if (clock.monotonic() - began < sliceMs) return null;
      return clock.sleep(0).then(() => void (began = clock.monotonic()));
    },
  };
}

export interface Door {
  /** Bytes that are not acknowledged. */
  readonly held: Held;
  /** Whether headers alone refuse the request; its body need not be read then. */
  isRefused(source: DoorSource, headers: SignedRequest['headers']): boolean;
  /**
   * Takes a request whose body has been read, and answers it: within `answerWithinMs`, and with 200 only once all of it is
   * acknowledged. `release` gives back the bytes of the body, once nothing needs them.
   */
  receive(source: DoorSource, request: SignedRequest, release: () => void): Promise<Answer>;
}

/** What a request leads to before its events are read: an answer already, or its events' bytes. */
type Opened = { readonly answer: Answer } | { readonly body: Buffer };

async function provenBySns({ sns }: DoorDeps, topics: readonly string[], body: Buffer): Promise<Opened> {
  const message = snsMessage(body);
  if (message === null || !(await sns.isGenuine(message, topics))) return { answer: wrongSecret() };
  if (message.type === 'SubscriptionConfirmation') await sns.confirm(message);
  return { body };
}

/** The bytes of a sender that is known. An encoding that is corrupt leaves the bytes as they came: they are set aside. */
async function opened(deps: DoorDeps, { auth }: DoorSource, request: SignedRequest): Promise<Opened> {
  const { bounds, clock } = deps;
  const isProven = auth.kind === 'sns' || (await provenByBody(auth, request, clock.now()));
  if (!isProven) return { answer: wrongSecret() };
  const body = await inflated(request.body, headerOf(request, 'content-encoding'), bounds.bodyBytes);
  if (body === 'unknown-encoding') return { answer: unknownEncoding() };
  if (body === 'too-large') return { answer: tooLarge(bounds) };
  if (body === 'corrupt') return { body: request.body };
  return auth.kind === 'sns' ? provenBySns(deps, auth.topics, body) : { body };
}

/** The outcomes of a body's events. Throws `TooManyEvents`. */
async function takenOfData(
  { clock, bounds }: DoorDeps,
  source: IngestSource,
  body: Buffer,
  contentType: string | null,
): Promise<Taken[]> {
  const all: Taken[] = [];
  for (const { bytes, contentType: type } of carriedData(body, contentType)) {
    if (bytes.length === 0) continue;
    for (const each of await takenOfBody(source, bytes, type, pace(clock, bounds))) all.push(each);
    if (all.length > bounds.events) throw new TooManyEvents();
  }
  return all;
}

async function mapped(
  deps: DoorDeps,
  entry: DoorSource,
  request: SignedRequest,
  hold: (bytes: number) => boolean,
): Promise<Answer | readonly Taken[]> {
  const open = await opened(deps, entry, request);
  if ('answer' in open) return open.answer;
  if (open.body !== request.body && !hold(open.body.length)) return unavailable(deps.bounds);
  return takenOfData(deps, entry.source, open.body, headerOf(request, 'content-type') || null);
}

export function openDoor(deps: DoorDeps): Door {
  const { bounds, clock } = deps;
  const held = heldBytes(bounds.heldBytes);
  const inTurn = oneByOne();

  const work = async (
    entry: DoorSource,
    request: SignedRequest,
    { isLate, hold }: { isLate(): boolean; hold(bytes: number): boolean },
  ): Promise<Answer> => {
    try {
      // One body at a time is inflated and read: what that takes beside the body is held once.
      const result = await inTurn(async () =>
        isLate() ? unavailable(bounds) : mapped(deps, entry, request, hold),
      );
      if ('status' in result) return result;
      // Also where the answer was late: a body that takes long to read would otherwise be repeated without end.
      const written = await deps.write(entry.source, result);
      deps.onTaken(entry.source, written);
      return accepted(tallied(NOTHING_TAKEN, written));
    } catch (error) {
      if (error instanceof TooManyEvents) return tooLarge(bounds);
      deps.onFailure(error);
      return unavailable(bounds);
    }
  };

  return {
    held,
    isRefused: ({ auth }, headers) => provenByHeaders(auth, { headers }) === false,
    async receive(entry, request, release) {
      const timer = new AbortController();
      let isLate = false;
      const late = clock.sleep(bounds.answerWithinMs, timer.signal).then(() => {
        if (timer.signal.aborted) return answer;
        isLate = true;
        return unavailable(bounds);
      });
      const releases = [release];
      const hold = (bytes: number): boolean => {
        const more = held.take(bytes);
        if (more !== null) releases.push(more);
        return more !== null;
      };
      const answer = inSpan(
        'efs.ingest',
        { 'efs.source': entry.source.name, 'efs.bytes': request.body.length },
        () => work(entry, request, { isLate: () => isLate, hold }),
        ({ status }) => ({ 'http.response.status_code': status }),
      ).finally(() => {
        timer.abort();
        for (const each of releases) each();
      });
      return Promise.race([answer, late]);
    },
  };
}
