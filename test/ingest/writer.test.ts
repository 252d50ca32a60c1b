import { INGEST_DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { takenOfBody } from '../../src/ingest/body';
import { ingestSource, ofFormat } from '../../src/ingest/configure';
import { writer } from '../../src/ingest/writer';
import type { OutgoingRecord } from '../../src/log/sink';

const source = { ...ingestSource(ofFormat('kumomta'), 0), name: 'kumo' };

/** The records that a body becomes. */
async function written(body: string): Promise<OutgoingRecord[]> {
  const records: OutgoingRecord[] = [];
  const sink = {
    emit: (batch: readonly OutgoingRecord[]) => Promise.resolve(void records.push(...batch)),
    close: () => Promise.resolve(),
  };
  const write = writer({ sink, encode: () => Buffer.from('feedback'), partitions: 3 });
  await write(source, await takenOfBody(source, Buffer.from(body), null));
  return records;
}

const event = (more: object): string =>
  JSON.stringify({
    type: 'Delivery',
    id: 'q',
    timestamp: 1_795_600_000,
    recipient: 'ann@example.net',
    ...more,
  });

describe('what is written of a body', () => {
  it('is feedback under its message, and dead letters with source, format, reason and detail', async () => {
    const [feedback, letter] = await written(
      `[${event({ headers: { 'X-Delivery-ID': 'd', 'X-Message-ID': 'm' } })}, ${event({})}]`,
    );
    expect([feedback?.topic, String(feedback?.key)]).toEqual(['mta.delivered', 'm']);
    expect([letter?.topic, String(letter?.value)]).toEqual([INGEST_DEAD_LETTER_TOPIC, event({})]);
    const headers = letter?.headers?.map(({ name, value }) => [String(name), String(value)]) ?? [];
    expect(Object.fromEntries(headers)).toEqual({
      ...{ 'efs.reason': 'unmatched', 'efs.source': 'kumo', 'efs.format': 'kumomta' },
      'efs.detail': expect.stringContaining('no deliveryId'),
    });
  });

  it('is one dead letter for an event of many recipients', async () => {
    const recipient = Array.from({ length: 500 }, (_, index) => `r${index}@example.net`);
    expect(await written(event({ recipient }))).toHaveLength(1);
  });

  it('is a dead letter of the line alone for each line that cannot be read', async () => {
    const records = await written(`${event({})}\nfirst\nsecond\n`);
    expect(records.map(({ value }) => String(value))).toEqual([event({}), 'first', 'second']);
  });

  it('is one dead letter of the whole for a body without a line that can be read', async () => {
    const records = await written('first\nsecond\n');
    expect(records.map(({ value }) => String(value))).toEqual(['first\nsecond\n']);
  });
});
