import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import { READERS_MAX } from '../queries/feed';

/*
 * The budget of the HTTP port: what all clients together, and each network, may take of this process. Most of it can be
 * taken without a token. A component that gives something to a request states its bound here, with the reason.
 */

/** Times in milliseconds. docs/operations.md has the same bounds as a table, with what happens beyond each. */
export const BOUNDS = {
  /** Connections. A process has a bounded number of files, and each connection costs some 20 KiB. */
  connections: 5_000,
  /** From the connection, or the first byte of a further request, to the end of the headers: a packet or two. */
  headersTimeoutMs: 5_000,
  /** For a whole request to arrive. The only body is a token. */
  requestTimeoutMs: 10_000,
  /** How often the two above are checked. Node's default of 30 s would add that much to each. */
  timeoutsCheckedEveryMs: 5_000,
  /** Between two requests. Longer than the minute for which usual proxies keep an idle connection. */
  keepAliveMs: 72_000,
  /** After so many requests a connection is closed, so that clients spread over workers again. */
  requestsPerConnection: 1_000,
  /** Unanswered requests of a connection. Browsers and proxies send the next one after the answer; tools pipeline a few. */
  unansweredPerConnection: 4,
  /** Node's own default: a token or cookie, and what proxies add. */
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
  /** The longest parameter in a path: an id of 128 code units, percent-encoded. */
  pathParameterLength: 1_200,
  /** With more bytes of earlier answers still to be taken, a connection may not send another request. */
  untakenBytesBeforeNext: 1024 * 1024,
  /** Bytes of answers that clients have yet to take; they are held in memory. Some thirty of the largest answers. */
  untakenBytes: 64 * 1024 * 1024,
  /** A client that takes less than `leastTakenBytes` of an answer in this time is gone, or pretends to be slow. */
  stalledMs: 30_000,
  leastTakenBytes: 16 * 1024,
  stallsCheckedEveryMs: 1_000,
  /** Live streams. */
  streams: READERS_MAX,
  /** Exports of delivery logs: each reads Redis as fast as its client receives, and holds a page of 2,000 messages. */
  exports: 8,
  /** API requests that wait for their turn; a turn takes some ten milliseconds at most, so the last one waits seconds. */
  waiting: 256,
  /** API requests that have had their turn and wait for Redis. Each answer blocks the process for some milliseconds. */
  inWork: 16,
  /** After so long a slice of answers the event loop comes around, and probes are answered. */
  sliceMs: 5,
  /** How long the text of `/metrics` is repeated. Making it takes milliseconds, and no scraper asks more often. */
  metricsForMs: 1_000,
};

export type Bounds = typeof BOUNDS;

/** What one network may take of a bound: half, so that there is always something left for others. */
export const shareOf = (bound: number): number => Math.ceil(bound / 2);

/**
 * The network that an address counts for: the address itself, or the /64 of an IPv6 address, since that is what a single
 * machine is commonly given.
 */
export function networkOf(address: string | undefined): string {
  const [, ipv4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address ?? '') ?? [];
  if (ipv4 !== undefined) return ipv4;
  const [left = [], right = []] = (address ?? '')
    .split('::')
    .map((text) => text.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}

/** Places for what lasts a while. */
export interface Places {
  /** Takes a place, and returns what gives it back; null where the network, or all together, have too many. */
  take(network: string): (() => void) | null;
}

export function places(bound: number): Places {
  const held = new Map<string, number>();
  let total = 0;
  const add = (network: string, change: 1 | -1): void => {
    const count = (held.get(network) ?? 0) + change;
    total += change;
    if (count === 0) held.delete(network);
    else held.set(network, count);
  };
  return {
    take(network) {
      if (total >= bound || (held.get(network) ?? 0) >= shareOf(bound)) return null;
      add(network, 1);
      let isHeld = true;
      return () => {
        if (isHeld) add(network, -1);
        isHeld = false;
      };
    },
  };
}

/** Does a network's work when its turn has come, and returns the result. Throws `too-busy`. */
export type Turns = <T>(network: string, work: () => T | Promise<T>) => Promise<T>;

/**
 * Turns at the process, first come, first served, in slices of time. Between two slices the event loop comes around: however
 * much is asked, a probe waits for one slice, and for the part of a single answer that it is too long.
 */
export function turns(bounds: Pick<Bounds, 'waiting' | 'inWork' | 'sliceMs'>, clock: Clock): Turns {
  const waiting: (() => void)[] = [];
  const queue = places(bounds.waiting);
  let inWork = 0;
  let isServing = false;

  const slice = (): void => {
    const began = clock.monotonic();
    while (inWork < bounds.inWork && clock.monotonic() - began < bounds.sliceMs) {
      const next = waiting.shift();
      if (next === undefined) return;
      next();
    }
  };
  const serve = async (): Promise<void> => {
    isServing = true;
    while (waiting.length > 0) {
      await clock.sleep(0);
      slice();
    }
    isServing = false;
  };
  return async <T>(network: string, work: () => T | Promise<T>) => {
    const leave = queue.take(network);
    if (leave === null) throw new EfsError('too-busy', 'too many requests are waiting for an answer');
    const turn = new Promise<T>((resolve, reject) =>
      waiting.push(() => {
        leave();
        inWork += 1;
        // An async function runs to its first wait at once, within the slice.
        const done = (async (): Promise<T> => work())();
        void done.then(resolve, reject).finally(() => (inWork -= 1));
      }),
    );
    if (!isServing) void serve();
    return turn;
  };
}
