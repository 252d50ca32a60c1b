import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { EfsError } from '../../src/base/errors';
import { turn, virtualClock } from '../support/clock';
import { delivered, partitionOfKey, sampleDoor } from './sample-door';

const counts = (received: number, produced: number, ignored: number, setAside: number) => ({
  ...{ received, produced, ignored, setAside },
});
const headersOf = (record: { headers?: readonly { name: Buffer; value: Buffer | null }[] } | undefined) =>
  Object.fromEntries((record?.headers ?? []).map(({ name, value }) => [String(name), String(value)]));

describe('a request of a source', () => {
  it('is answered with what became of its events, which are written under their message ids', async () => {
    const { post, records, answers } = sampleDoor();
    const answer = await post([delivered('m1'), { type: 'open' }, { type: 'delivered', message: 'm2' }]);
    expect([answer.status, answer.body]).toEqual([200, counts(3, 1, 1, 1)]);
    expect(records.map(({ topic, key, partition }) => [topic, String(key), partition])).toEqual([
      ['mta.delivered', 'm1', partitionOfKey('m1')],
      ['efs.ingest-dead-letter', 'shop', partitionOfKey('shop')],
    ]);
    expect(String(records[1]?.value)).toBe('{"type":"delivered","message":"m2"}');
    expect(headersOf(records[1])).toEqual({
      'efs.reason': 'unmatched',
      'efs.detail': expect.stringContaining('no deliveryId'),
      'efs.source': 'shop',
      'efs.format': 'sample',
    });
    expect(answers).toEqual([['shop', 200]]);
  });

  it.each([
    ['no body', '', counts(0, 0, 0, 0), []],
    ['an empty batch', '[]', counts(0, 0, 0, 0), []],
    ['text that is no JSON', 'hello', counts(1, 0, 0, 1), ['not-parsable']],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0xfe]), counts(1, 0, 0, 1), ['not-parsable']],
    ['an event that is not known', '[{"type":"merged"}]', counts(1, 0, 0, 1), ['unknown-event']],
    ['an event at which its reader fails', '[{"type":"broken"}]', counts(1, 0, 0, 1), ['not-parsable']],
  ])('with %s is answered with 200: a repeat would change nothing', async (_, body, wanted, reasons) => {
    const { post, records } = sampleDoor();
    const answer = await post(body, { 'content-type': 'a malformed; type' });
    expect([answer.status, answer.body]).toEqual([200, wanted]);
    expect(records.map((record) => headersOf(record)['efs.reason'])).toEqual(reasons);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('encoded by %s is taken', async (encoding, encode) => {
    const { post } = sampleDoor();
    const body = encode(JSON.stringify([delivered('m1')]));
    expect((await post(body, { 'content-encoding': encoding })).body).toEqual(counts(1, 1, 0, 0));
  });

  it('with a corrupt encoding is one dead letter with the bytes as they came', async () => {
    const { post, records } = sampleDoor();
    const answer = await post('no gzip', { 'content-encoding': 'gzip' });
    expect([answer.body, String(records[0]?.value)]).toEqual([counts(1, 0, 0, 1), 'no gzip']);
  });

  it('with an encoding that is not known is answered with 415', async () => {
    const answer = await sampleDoor().post('x', { 'content-encoding': 'zstd' });
    expect([answer.status, answer.headers['accept-encoding']]).toEqual([415, 'gzip, deflate']);
  });

  it.each([
    ['structured', 'application/cloudevents+json', { specversion: '1.0', id: 'e', data: delivered('m1') }],
    [
      'structured, in base64',
      'application/cloudevents+json; charset=utf-8',
      { data_base64: Buffer.from(JSON.stringify(delivered('m1'))).toString('base64') },
    ],
    ['batch', 'application/cloudevents-batch+json', [{ data: delivered('m1') }, { data: delivered('m2') }]],
    ['binary', 'application/json', delivered('m1')],
  ])('that is a CloudEvent (%s) is taken for its data', async (_, type, body) => {
    const { post } = sampleDoor();
    const answer = await post(body, { 'content-type': type, 'ce-specversion': '1.0', 'ce-id': 'e' });
    const count = Array.isArray(body) ? 2 : 1;
    expect(answer.body).toEqual(counts(count, count, 0, 0));
  });
});

describe('the bounds of a request', () => {
  it('refuse a body beyond them, also one that only inflates to it, with 413 and nothing written', async () => {
    const { post, records, held } = sampleDoor({ bounds: { bodyBytes: 100_000 } });
    const bomb = gzipSync(Buffer.alloc(100_000_000, 0x20));
    expect(bomb.length).toBeLessThan(100_000);
    const answers = [await post('x'.repeat(100_001)), await post(bomb, { 'content-encoding': 'gzip' })];
    expect(answers.map(({ status }) => status)).toEqual([413, 413]);
    expect([records, held()]).toEqual([[], 0]);
  });

  it('take 10,000 events, and refuse one more with 413', async () => {
    const { post, records } = sampleDoor();
    const events = Array.from({ length: 10_001 }, (_, index) => delivered(`m${index}`));
    expect((await post(events)).status).toBe(413);
    expect(records).toEqual([]);
    expect((await post(events.slice(1))).body).toEqual(counts(10_000, 10_000, 0, 0));
  });

  it('let other requests be answered while a large one is read', async () => {
    const { post, routes } = sampleDoor();
    const order: string[] = [];
    const large = post(Array.from({ length: 10_000 }, (_, index) => delivered(`m${index}`)));
    const probe = (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await routes.inject('/livez');
      order.push('probe');
    })();
    await Promise.all([large.then(() => order.push('large')), probe]);
    expect(order).toEqual(['probe', 'large']);
  });

  it('answer at once with 503 where too many bytes are not acknowledged, and again with 200 once they are', async () => {
    let acknowledge = (): void => undefined;
    const emit = () => new Promise<void>((resolve) => (acknowledge = resolve));
    const { post, held } = sampleDoor({ emit, bounds: { heldBytes: 100 } });
    const first = post([delivered('m1')]);
    await turn();
    const second = await post([delivered('m2'), delivered('m3')]);
    expect([second.status, second.headers['retry-after']]).toEqual([503, '30']);
    acknowledge();
    expect((await first).status).toBe(200);
    expect(held()).toBe(0);
  });
});

describe('a log that does not acknowledge', () => {
  it('is answered with 503 and Retry-After where it refuses, and nothing counts as taken', async () => {
    const emit = async () => {
      throw new EfsError('kafka-unavailable', 'away');
    };
    const { post, taken } = sampleDoor({ emit });
    const answer = await post([delivered('m1')]);
    expect([answer.status, answer.headers['retry-after'], answer.body['code']]).toEqual([
      503,
      '30',
      'unavailable',
    ]);
    expect(taken).toEqual([]);
  });

  it('is answered with 503 after 4 s, while the bytes are held until the outcome is known', async () => {
    const clock = virtualClock();
    let acknowledge = (): void => undefined;
    const { post, held } = sampleDoor({
      clock,
      emit: () => new Promise<void>((resolve) => (acknowledge = resolve)),
    });
    let status = 0;
    const answer = post([delivered('m1')]).then((given) => (status = given.status));
    await turn();
    clock.advance(3_999);
    await turn();
    expect(status).toBe(0);
    clock.advance(1);
    await answer;
    expect(status).toBe(503);
    expect(held()).toBeGreaterThan(0);
    acknowledge();
    await turn();
    expect(held()).toBe(0);
  });
});

it('a body that takes longer to read than an answer may take is written all the same', async () => {
  const clock = virtualClock();
  // Time passes by one minute a look at it: each event is late.
  const slow = { ...clock, monotonic: () => (clock.advance(60_000), clock.monotonic()) };
  const { post, records } = sampleDoor({ clock: slow });
  expect((await post([delivered('m1'), delivered('m2')])).status).toBe(503);
  await turn();
  expect(records).toHaveLength(2);
});

describe('the paths of the door', () => {
  const { routes } = sampleDoor({ auth: { kind: 'basic', secrets: ['u:secret'] } });

  it('answer 404 for a source that is not known, whatever the method', async () => {
    for (const method of ['GET', 'POST', 'OPTIONS'] as const) {
      const { statusCode, json } = await routes.inject({ method, url: '/in/other', payload: 'x' });
      expect([statusCode, json()]).toMatchObject([404, { code: 'no-such-source' }]);
    }
  });

  it('answer validators that look with GET and HEAD', async () => {
    const [get, head] = [
      await routes.inject('/in/shop'),
      await routes.inject({ method: 'HEAD', url: '/in/shop' }),
    ];
    expect([get.statusCode, get.json(), head.statusCode]).toEqual([
      200,
      { source: 'shop', format: 'sample' },
      200,
    ]);
  });

  it('consent to CloudEvents by OPTIONS', async () => {
    const headers = { 'webhook-request-origin': 'events.example.org' };
    const answer = await routes.inject({ method: 'OPTIONS', url: '/in/shop', headers });
    expect([answer.statusCode, answer.headers['webhook-allowed-origin']]).toEqual([
      200,
      'events.example.org',
    ]);
  });

  it('answer 405 for other methods', async () => {
    expect((await routes.inject({ method: 'DELETE', url: '/in/shop' })).statusCode).toBe(405);
  });

  it('answer 401 for a missing and a wrong secret, with the question that SNS waits for', async () => {
    for (const authorization of ['', `Basic ${Buffer.from('u:wrong').toString('base64')}`]) {
      const answer = await routes.inject({
        method: 'POST',
        url: '/in/shop',
        headers: { authorization },
        payload: '[]',
      });
      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([
        401,
        expect.stringMatching(/^Basic /),
      ]);
    }
  });
});
