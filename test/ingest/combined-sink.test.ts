import { EfsError } from '../../src/base/errors';
import { combinedSink } from '../../src/ingest/combined-sink';
import type { OutgoingRecord, Sink } from '../../src/log/sink';
import { turn } from '../support/clock';

const record = (name: string): OutgoingRecord => ({
  ...{ topic: 't', partition: 0, key: Buffer.from(name), value: null },
});

/** A sink whose emits end when the test says so. */
function heldSink() {
  const emits: { names: string[]; end(error?: unknown): void }[] = [];
  const sink: Sink = {
    emit: (records) =>
      new Promise((resolve, reject) =>
        emits.push({
          names: records.map(({ key }) => String(key)),
          end: (error) => (error === undefined ? resolve() : reject(error)),
        }),
      ),
    close: async () => undefined,
  };
  return { emits, sink: combinedSink(sink) };
}

describe('emits at the same time', () => {
  it('wait for the one in flight, and are then sent together in their order', async () => {
    const { emits, sink } = heldSink();
    const ended: string[] = [];
    for (const name of ['a', 'b', 'c']) void sink.emit([record(name)]).then(() => ended.push(name));
    await turn();
    expect(emits.map(({ names }) => names)).toEqual([['a']]);
    emits[0]?.end();
    await turn();
    expect([emits.map(({ names }) => names), ended]).toEqual([[['a'], ['b', 'c']], ['a']]);
    emits[1]?.end();
    await turn();
    expect(ended).toEqual(['a', 'b', 'c']);
  });

  it('fail together where they were sent together, and those after them are sent', async () => {
    const { emits, sink } = heldSink();
    const first = sink.emit([record('a')]);
    const [second, third] = [sink.emit([record('b')]), sink.emit([record('c')])];
    emits[0]?.end(new EfsError('kafka-unavailable', 'away'));
    await expect(first).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await turn();
    emits[1]?.end();
    await Promise.all([second, third]);
  });

  it('are cut where they would be more than one request takes', async () => {
    const { emits, sink } = heldSink();
    void sink.emit([record('a')]);
    const large = Array.from({ length: 3_000 }, (_, index) => record(`m${index}`));
    void sink.emit(large);
    void sink.emit(large);
    emits[0]?.end();
    await turn();
    expect(emits.map(({ names }) => names.length)).toEqual([1, 3_000]);
  });
});
