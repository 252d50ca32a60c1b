import { HOUR_MS } from '../../src/base/time';
import { takenOfBody } from '../../src/ingest/body';
import { ingestSource, ofFormat } from '../../src/ingest/configure';
import { indexedWriter, type IndexPatience } from '../../src/ingest/indexed-writer';
import { localIndex } from '../../src/ingest/native-index';
import type { Taken } from '../../src/ingest/source';
import { indexedHere } from '../../src/cli/ingest-inputs';
import { turn, virtualClock } from '../support/clock';

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 25, 12);
const source = {
  ...ingestSource(
    {
      ...ofFormat('kumomta'),
      ...{ deliveryId: ['headers.X-Delivery-ID', 'index'], messageId: ['headers.X-Message-ID', 'index'] },
    },
    0,
  ),
  name: 'kumo',
};

/** An event of the message, with its ids or only by KumoMTA's own. */
const event = (type: string, message: string, { ids = false, at = START } = {}) => ({
  ...{
    type,
    id: `native-${message}`,
    recipient: 'ann@example.net',
    timestamp: at / 1000,
    created: at / 1000,
  },
  ...{ response: { code: 250, content: '' }, num_attempts: 0, meta: {} },
  headers: ids ? { 'X-Delivery-ID': 'DM7', 'X-Message-ID': message } : {},
});
const taken = (...events: object[]): Promise<Taken[]> =>
  takenOfBody(source, Buffer.from(JSON.stringify(events)), 'application/json');

/** What became of an event, in one word. */
const said = ({ mapped }: Taken): string =>
  mapped.outcome === 'feedback'
    ? `${mapped.feedback.kind} ${mapped.feedback.messageId} by ${mapped.from.identity.messageId}`
    : mapped.outcome === 'dead-letter'
      ? mapped.reason
      : mapped.outcome;

function opened(more: Partial<IndexPatience> = {}) {
  const clock = virtualClock(START);
  const index = localIndex(1 << 20);
  const abort = new AbortController();
  const written: string[] = [];
  const patience = {
    ...{ clock, waitMs: MINUTE, startedAt: START, withinMs: Infinity, signal: abort.signal, ...more },
  };
  const write = indexedWriter(
    (_, batch) => Promise.resolve(batch).then((all) => (written.push(...all.map(said)), all)),
    index,
    patience,
  );
  /** Lets the time pass while something waits, in steps that are shorter than its pauses. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 25) {
      await turn();
      clock.advance(25);
    }
    await turn();
  };
  return { index, written, abort, pass, clock, write: (all: readonly Taken[]) => write(source, all) };
}

describe('a writer that asks the index', () => {
  it('names a message by its native id that an event with ids has named before, also within one batch', async () => {
    const { write, written } = opened();
    const result = await write(await taken(event('Bounce', 'a'), event('Reception', 'a', { ids: true })));
    expect(result.map(said)).toEqual(['HardBounced a by index', 'Relayed a by headers.X-Message-ID']);
    await write(await taken(event('Delivery', 'a')));
    expect(written).toEqual([
      ...['Relayed a by headers.X-Message-ID', 'HardBounced a by index', 'Delivered a by index'],
    ]);
  });

  it('waits for an entry that the event has overtaken, and writes what does not ask meanwhile', async () => {
    const { write, written, pass } = opened();
    const early = write(await taken(event('Bounce', 'a'), event('Delivery', 'b', { ids: true })));
    await pass(1_000);
    expect(written).toEqual(['Delivered b by headers.X-Message-ID']);
    await write(await taken(event('Reception', 'a', { ids: true })));
    await pass(1_000);
    expect((await early).map(said)).toEqual([
      'HardBounced a by index',
      'Delivered b by headers.X-Message-ID',
    ]);
  });

  it('sets an event aside as unmatched when its time is over', async () => {
    const { write, written, pass } = opened();
    const waiting = write(await taken(event('Bounce', 'a')));
    await pass(MINUTE - 500);
    expect(written).toEqual([]);
    await pass(1_000);
    expect((await waiting).map(said)).toEqual(['unmatched']);
    expect(written).toEqual(['unmatched']);
  });

  it('lets an event of long ago wait only for as long as after the start', async () => {
    const { write, pass, clock } = opened();
    const old = await taken(event('Bounce', 'a', { at: START - HOUR_MS }));
    const first = write(old);
    await pass(MINUTE + 500);
    expect((await first).map(said)).toEqual(['unmatched']);
    const before = clock.now();
    expect((await write(old)).map(said)).toEqual(['unmatched']);
    expect(clock.now()).toBe(before);
  });

  it('falls behind by its time at most, however many events wait in vain one after the other', async () => {
    const { write, pass, clock } = opened();
    let done = 0;
    const events = Array.from({ length: 20 }, (_, at) =>
      event('Bounce', `m${at}`, { at: START + at * 1_000 }),
    );
    void (async () => {
      for (const each of events) {
        await write(await taken(each));
        done += 1;
      }
    })();
    await pass(MINUTE + 20_000);
    expect([done, clock.now() - START]).toEqual([20, MINUTE + 20_000]);
  });

  it('waits no longer than a request may', async () => {
    const { write, pass } = opened({ withinMs: 2_000 });
    const waiting = write(await taken(event('Bounce', 'a')));
    await pass(2_250);
    expect((await waiting).map(said)).toEqual(['unmatched']);
  });

  it('rejects, with nothing set aside, where it is stopped while events wait', async () => {
    const { write, written, abort } = opened();
    const waiting = write(await taken(event('Bounce', 'a')));
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await turn();
    abort.abort();
    await rejected;
    expect(written).toEqual([]);
  });

  it('does not ask for what is ignored or has no time', async () => {
    const { write } = opened();
    const { timestamp: _, created: __, ...timeless } = event('Bounce', 'a');
    const result = await write(await taken(event('AdminRebind', 'a'), timeless));
    expect(result.map(said)).toEqual(['ignored', 'unmatched']);
  });
});

test('without a server the index has what was read before', async () => {
  const seen: string[] = [];
  const take = indexedHere(source, (all) => Promise.resolve(void seen.push(...all.map(said))));
  await take(await taken(event('Bounce', 'a')), null);
  await take(await taken(event('Reception', 'a', { ids: true })), null);
  await take(await taken(event('Bounce', 'a')), null);
  expect(seen).toEqual(['unmatched', 'Relayed a by headers.X-Message-ID', 'HardBounced a by index']);
});
