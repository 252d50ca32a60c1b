import { kpiFeed, type Outlet } from '../../src/queries/feed';
import { deliveryView } from '../../src/queries/delivery-view';
import type { KpiChanged } from '../../src/kpi/encode';
import { emptyTotals } from '../../src/kpi/kpis';
import { turn, virtualClock } from '../support/clock';

const ROUND_MS = 60;

const changed = (deliveryId: string, revision: number): KpiChanged => ({
  deliveryId,
  generation: 1,
  revision,
  previousRevision: 0,
  policy: 'EFS',
  asOf: 0,
  kpis: { ...emptyTotals(), deliverySize: null, success: null },
  previous: null,
});

interface Client extends Outlet {
  /** Ids, names and data of events, in order. */
  events(): { id: string; event: string; data: { deliveryId: string; revision: number } }[];
  text(): string;
  taking: boolean;
  ended: boolean;
}

function client(): Client {
  let text = '';
  return {
    taking: true,
    ended: false,
    write(bytes) {
      text += bytes.toString();
      return this.taking;
    },
    end() {
      this.ended = true;
    },
    text: () => text,
    events: () =>
      [...text.matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)$/gm)].map(
        ([, id = '', event = '', data = '']) => ({
          id,
          event,
          data: JSON.parse(data) as never,
        }),
      ),
  };
}

function started(readersMax = 10, instance = 'a1') {
  const clock = virtualClock();
  const view = deliveryView();
  const counted = { readers: 0, dropped: 0, skipped: 0 };
  const meter = {
    readers: (count: number) => void (counted.readers = count),
    readerDropped: () => void (counted.dropped += 1),
    changesSkipped: (count: number) => void (counted.skipped += count),
  };
  const feed = kpiFeed({ view, clock, random: () => 0, instance, stale: () => null, meter, readersMax });
  const stop = new AbortController();
  const running = feed.run(stop.signal);
  const pass = async (ms = ROUND_MS) => {
    clock.advance(ms);
    await turn();
  };
  const open = (outlet: Outlet, lastEventId: string | null = null, deliveryId: string | null = null) =>
    feed.open(outlet, { deliveryId, lastEventId, snapshot: true });
  return { clock, view, feed, counted, open, pass, stop: async () => (stop.abort(), running) };
}

const sent = (outlet: Client) =>
  outlet
    .events()
    .filter(({ event }) => event === 'kpi')
    .map(({ data }) => `${data.deliveryId}/${data.revision}`);

describe('the live feed', () => {
  test('a new reader gets every delivery first, then changes', async () => {
    const { view, open, pass, stop } = started();
    view.take(changed('a', 1));
    const reader = client();
    open(reader);
    await pass();
    view.take(changed('b', 1));
    view.take(changed('a', 2));
    await pass();
    expect(reader.events()[0]?.event).toBe('reset');
    expect(sent(reader)).toEqual(['a/1', 'b/1', 'a/2']);
    await stop();
    expect(reader.ended).toBe(true);
  });

  test('a reader resumes from any event without a gap and without a repeat', async () => {
    const { view, open, pass, stop } = started();
    const whole = client();
    open(whole);
    for (let i = 1; i <= 6; i++) {
      view.take(changed(`d${i}`, 1));
      await pass();
    }
    const all = sent(whole);
    expect(all).toHaveLength(6);
    const kpis = whole.events().filter(({ event }) => event === 'kpi');
    for (const [at, { id }] of kpis.entries()) {
      const again = client();
      open(again, id);
      await pass();
      expect([...all.slice(0, at + 1), ...sent(again)]).toEqual(all);
      expect(again.text()).not.toContain('event: reset');
    }
    await stop();
  });

  test.each(['b2-1', 'a1-99', 'nonsense', ''])(
    'a reader with the unknown event id %j gets a reset, then every delivery',
    async (id) => {
      const { view, open, pass, stop } = started();
      view.take(changed('a', 1));
      const reader = client();
      open(reader, id);
      await pass();
      expect(reader.events().map(({ event }) => event)).toEqual(['reset', 'kpi']);
      await stop();
    },
  );

  test('a slow reader gets only the newest KPIs of a delivery; one that takes nothing is dropped', async () => {
    const { view, feed, counted, open, pass, stop } = started();
    const slow = client();
    slow.taking = false;
    const reader = open(slow);
    await pass();
    for (let revision = 1; revision <= 100; revision++) view.take(changed('a', revision));
    await pass();
    expect(sent(slow)).toEqual([]);
    slow.taking = true;
    reader?.drained();
    expect(sent(slow)).toEqual(['a/100']);
    expect(counted).toEqual({ readers: 1, dropped: 0, skipped: 0 });
    for (let revision = 101; revision <= 110; revision++) view.take(changed('a', revision));
    await pass();
    expect(sent(slow)).toEqual(['a/100', 'a/110']);
    expect(counted.skipped).toBe(9);
    slow.taking = false;
    view.take(changed('a', 111));
    await pass();
    await pass(31_000);
    expect([slow.ended, feed.readers(), counted.readers, counted.dropped]).toEqual([true, 0, 0, 1]);
    await stop();
  });

  test('many readers are served in slices, with pauses nine times as long', async () => {
    const { clock, view, open, pass, stop } = started(20);
    const WRITE_MS = 1;
    const writes: number[] = [];
    const reader = (): Outlet => ({
      write: () => {
        writes.push(clock.monotonic());
        clock.advance(WRITE_MS);
        return true;
      },
      end: () => undefined,
    });
    await pass();
    for (let i = 0; i < 20; i++) open(reader());
    for (let i = 0; i < 60; i++) await pass(10);
    writes.length = 0;
    view.take(changed('a', 1));
    for (let i = 0; i < 60; i++) await pass(10);
    expect(writes).toHaveLength(20);
    const pauses = writes.slice(1).map((at, i) => at - (writes[i] ?? 0));
    expect(pauses.filter((ms) => ms > WRITE_MS).every((ms) => ms >= 36)).toBe(true);
    expect(pauses.filter((ms) => ms > WRITE_MS)).toHaveLength(4);
    await stop();
  });

  test('an idle connection gets heartbeats without an id, and readers beyond the maximum are refused', async () => {
    const { open, pass, stop } = started(1);
    const reader = client();
    open(reader);
    expect(open(client())).toBeNull();
    await pass();
    await pass(5_000);
    expect(reader.text()).toContain('event: heartbeat\ndata: {}\n\n');
    expect(reader.text()).not.toMatch(/^id:.*\nevent: heartbeat$/m);
    await stop();
  });

  test('a reader of one delivery gets only its changes, its removal included', async () => {
    const { view, open, pass, stop } = started();
    for (const id of ['a', 'b']) view.take(changed(id, 1));
    const reader = client();
    open(reader, null, 'a');
    await pass();
    view.take(changed('b', 2));
    view.remove('a');
    await pass();
    expect(reader.events().map(({ event, data }) => [event, data.deliveryId])).toEqual([
      ['reset', undefined],
      ['kpi', 'a'],
      ['removed', 'a'],
    ]);
    await stop();
  });
});
