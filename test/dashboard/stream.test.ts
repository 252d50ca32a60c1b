import { follow } from '../../src/dashboard/stream.js';
import { virtualClock } from '../support/clock';

/** The part of a browser's EventSource that the page uses. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Source[] = [];
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: string;
  constructor(url: string) {
    super();
    this.url = url;
    Source.opened.push(this);
  }
  close(): void {
    this.readyState = Source.CLOSED;
  }
  send(event: string, data: string, lastEventId = ''): void {
    this.dispatchEvent(Object.assign(new Event(event), { data, lastEventId }));
  }
}

function followed() {
  Source.opened = [];
  Object.assign(globalThis, { EventSource: Source });
  const clock = virtualClock();
  const later = (action: () => void, millis: number) => void clock.sleep(millis).then(action);
  const states: (string | number)[][] = [];
  const listener = {
    batch: () => undefined,
    state: (state: string, since: number) => void states.push([state, since - began]),
  };
  const began = clock.now();
  const stream = follow('/stream?x', listener, { now: clock.now, later });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.advance(1_000);
      await Promise.resolve();
    }
  };
  return { stream, states, pass, last: () => Source.opened.at(-1) as Source };
}

describe('the page’s stream', () => {
  test('a stream without heartbeats is lost since the last one, and is reopened from the last event', async () => {
    const { stream, states, pass, last } = followed();
    const first = last();
    first.onopen?.();
    first.send('kpi', '{"deliveryId":"a","revision":1}', 'i-7');
    await pass(4_000);
    first.send('heartbeat', '{}');
    await pass(25_000);
    expect(first.readyState).toBe(Source.CLOSED);
    expect(Source.opened.length).toBeGreaterThan(1);
    expect(last().url).toBe('/stream?x&lastEventId=i-7');
    expect(states.slice(0, 3)).toEqual([
      ['connecting', 0],
      ['open', 0],
      ['lost', 4_000],
    ]);
    last().onopen?.();
    expect(states.at(-1)?.[0]).toBe('open');
    stream.close();
  });

  test('a stream with only heartbeats stays open', async () => {
    const { stream, states, pass, last } = followed();
    last().onopen?.();
    for (let beat = 0; beat < 20; beat++) {
      await pass(5_000);
      last().send('heartbeat', '{}');
    }
    expect([Source.opened.length, states.map(([state]) => state)]).toEqual([1, ['connecting', 'open']]);
    stream.close();
  });

  test('a refused stream is reopened only once, not again for missing heartbeats', async () => {
    const { stream, pass, last } = followed();
    const refused = last();
    refused.close();
    refused.onerror?.();
    await pass(1_000);
    expect(Source.opened).toHaveLength(2);
    last().onopen?.();
    for (let beat = 0; beat < 10; beat++) {
      last().send('heartbeat', '{}');
      await pass(5_000);
    }
    expect(Source.opened).toHaveLength(2);
    stream.close();
  });
});
