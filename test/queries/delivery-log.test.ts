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

/** Hashes of so many messages without an outcome, by page of the scan; counts what is asked. */
function store(pages: number, messages: number) {
  const asked = { trips: 0, messages: 0 };
  const scan: Store['scan'] = async (_, __, cursor) => {
    const page = Number(cursor) + 1;
    const ids = Array.from({ length: messages }, (_each, i) => encodeMessageId(MessageId(`${page}-${i}`)));
    asked.trips += 1;
    asked.messages += messages;
    return { cursor: String(page % pages), entries: ids.map((id) => [id, value] as const) };
  };
  return { asked, scan };
}

/** A page of what failed: nothing did. */
const page = (from: Pick<Store, 'scan'>) =>
  readLogPage(from, { ...manifest, domainGroups: domainGroups([]).fingerprint }, DeliveryId('d'), {
    filter: { status: 'FAILED', reason: null, domainGroup: null },
    limit: 50,
    cursor: null,
  });

test('a page of what hardly any message is comes short before it costs much, and says where to go on', async () => {
  const large = store(1_000, 1_000);
  const found = await page(large);
  expect(found).toEqual({ messages: [], cursor: expect.stringMatching(/^1\.0\.0\.2\./) });
  expect(large.asked).toEqual({ trips: 2, messages: 2_000 });
  const small = store(1, 3);
  expect((await page(small)).cursor).toMatch(/^1\.16\.0\.0\./);
  expect(small.asked.trips).toBe(16);
});
