import { Readable } from 'node:stream';
import { ingestSource, ofFormat } from '../../src/ingest/configure';
import { takenOfInput } from '../../src/ingest/files';

const record = (id: string): object => ({
  ...{ type: 'Delivery', id, recipient: 'ann@example.net', queue: 'spring@example.net' },
  ...{ timestamp: 1_795_600_003, headers: { 'X-Delivery-ID': 'DM7', 'X-Message-ID': id } },
});
const line = (id: string): string => JSON.stringify(record(id));

/** The ids of the messages in an input that comes in these chunks; the reason of what was set aside. */
async function idsIn(...chunks: readonly string[]): Promise<string[]> {
  const bytes = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const ids: string[] = [];
  for await (const taken of takenOfInput(ingestSource(ofFormat('kumomta'), 0), { name: '-', bytes }, null))
    for (const { mapped } of taken) {
      if (mapped.outcome === 'feedback') ids.push(mapped.feedback.messageId);
      if (mapped.outcome === 'dead-letter') ids.push(mapped.reason);
    }
  return ids;
}

describe('a log of JSON', () => {
  test.each([
    ['an event a line', [`${line('m-1')}\n${line('m-2')}\n`]],
    ['a batch a line', [`[${line('m-1')}]\n[${line('m-2')}]\n`]],
    ['a batch a line, in pieces', ['[', `${line('m-1')}]\n[${line('m-2')}]\n`]],
    ['a batch that is indented', [JSON.stringify([record('m-1'), record('m-2')], null, 2)]],
    ['a batch of an event a line', [`[${line('m-1')},\n`, `${line('m-2')}]`]],
  ])('may hold %s', async (_, chunks) => {
    expect(await idsIn(...chunks)).toEqual(['m-1', 'm-2']);
  });

  test('may hold one event that is indented', async () => {
    expect(await idsIn(JSON.stringify(record('m-1'), null, 2))).toEqual(['m-1']);
  });

  test('sets aside a first line that was cut, and no other', async () => {
    expect(await idsIn(`[${line('m-1').slice(0, 20)}\n${line('m-2')}\n`)).toEqual(['not-parsable', 'm-2']);
  });
});
