import fc from 'fast-check';
import { DeliveryId, MessageId } from '../../src/base/ids';
import { readLogPage } from '../../src/queries/delivery-log';
import { domainGroups } from '../../src/kpi/domains';
import { encodeMessage, encodeMessageId } from '../../src/store/codec';
import type { Manifest, Store } from '../../src/store/store';
import { aggregates } from '../support/aggregates';

const manifest = { stateId: 1, partitions: 40, buckets: 1, defaultPolicy: 'EFS' } as Manifest;
const [any] = fc.sample(aggregates, 1);
const relay = { ...any!.relay, domainGroup: 0 };
const value = encodeMessage({ ...any!, relay, outcome: null, softBounce: null });

/** A store whose hashes hold messages without an outcome, in pages of a scan; counts reads. */
function store(pages: number, messages: number) {
  const reads = { trips: 0, messages: 0 };
  const scan: Store['scan'] = async (_, __, cursor) => {
    const page = Number(cursor) + 1;
    const ids = Array.from({ length: messages }, (_each, i) => encodeMessageId(MessageId(`${page}-${i}`)));
    reads.trips += 1;
    reads.messages += messages;
    return { cursor: String(page % pages), entries: ids.map((id) => [id, value] as const) };
  };
  return { reads, scan };
}

/** A page of failed messages: there are none. */
const page = (from: Pick<Store, 'scan'>) =>
  readLogPage(from, { ...manifest, domainGroups: domainGroups([]).fingerprint }, DeliveryId('d'), {
    filter: { status: 'FAILED', reason: null, domainGroup: null },
    limit: 50,
    cursor: null,
  });

test('a page is short, with a cursor, after 2,000 messages read or 16 round trips without a match', async () => {
  const large = store(1_000, 1_000);
  const found = await page(large);
  expect(found).toEqual({ messages: [], cursor: expect.stringMatching(/^1\.0\.0\.2\./) });
  expect(large.reads).toEqual({ trips: 2, messages: 2_000 });
  const small = store(1, 3);
  expect((await page(small)).cursor).toMatch(/^1\.16\.0\.0\./);
  expect(small.reads.trips).toBe(16);
});
