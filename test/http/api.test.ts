import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020';
import { fastClock, systemClock } from '../../src/base/clock';
import { COMPONENTS } from '../../src/http/answers.http';
import { openApi } from '../../src/http/openapi.http';
import { type Operation, OPERATIONS } from '../../src/http/operations.http';
import { feedback, HOUR, T0 } from '../support/feedback';
import { open, type Opened } from './open';

/** The JSON schema that the OpenAPI Initiative publishes for version 3.1. */
const published = JSON.parse(
  readFileSync(require.resolve('@seriousme/openapi-schema-validator/schemas/v3.1/schema.json'), 'utf8'),
) as object;

interface Described {
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const SENT = 30;
const FAILED = 12;
const d1 = (i: number) => `=m${String(i).padStart(2, '0')}`;

/** One delivery of 50 messages in policy EFS, one of 3 in policy RELAY, and a dead letter. */
async function openWithFeedback(): Promise<Opened> {
  // This feedback has fixed times: by the system's clock its messages without an outcome would have expired.
  const opened = await open({ EFS_EXPIRY: 'off' });
  const relayed = Array.from({ length: 50 }, (_, i) =>
    feedback.relayed({ messageId: d1(i), recipientDomain: 'gmail.com', policy: 'EFS', occurredAt: T0 + i }),
  );
  const delivered = relayed
    .slice(0, SENT)
    .map((each) =>
      feedback.delivered({ messageId: each.messageId, occurredAt: T0 + HOUR, recipientDomain: 'gmail.com' }),
    );
  const bounced = relayed
    .slice(SENT, SENT + FAILED)
    .map((each) => feedback.hardBounced({ messageId: each.messageId, recipientDomain: 'gmail.com' }));
  const other = ['a', 'b', 'c'].map((messageId) =>
    feedback.relayed({ deliveryId: 'Other', messageId, policy: 'RELAY' }),
  );
  await opened.report([...relayed, ...delivered, ...bounced, ...other]);
  await opened.emitInvalid(Buffer.from('{"to":"jane.doe@example.com","tel":"0123456789"}'));
  await opened.until(
    () =>
      opened.queries.view.get('d1')?.kpis.failed === FAILED &&
      opened.queries.view.get('d1')?.kpis.sent === SENT &&
      opened.queries.view.get('Other')?.kpis.relayed === 3 &&
      opened.queries.deadLetters.total() === 1 &&
      opened.queries.stale() === null,
  );
  return opened;
}

describe('the API', () => {
  let there: Opened;
  beforeAll(async () => (there = await openWithFeedback()));
  afterAll(() => there.close());

  const get = async (url: string, headers: Record<string, string> = {}) => {
    const { statusCode, body, headers: sent } = await there.routes.inject({ url, headers });
    return { status: statusCode, body, headers: sent, json: () => JSON.parse(body) as never };
  };
  const json = async <T>(url: string): Promise<T> => (await get(url)).json();

  test.each([
    ['/api/deliveries', 'DeliveryList'],
    ['/api/deliveries/d1', 'DeliveryWithAge'],
    ['/api/deliveries/d1/messages?limit=3', 'LogPage'],
    ['/api/deliveries/d1/messages/%3Dm30', 'Message'],
    ['/api/tasks', 'TaskList'],
    ['/api/dead-letters', 'DeadLetterList'],
    ['/api/sources', 'SourceList'],
    ['/api/health', 'Health'],
    ['/api/deliveries/nope', 'Error'],
    ['/api/deliveries?limit=0', 'Error'],
    ['/nowhere', 'Error'],
  ] as const)('%s answers by the schema %s', async (url, component) => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', ...openApi('0.2.0') });
    const validate = ajv.compile({ $ref: `api#/components/schemas/${component}` });
    validate((await get(url)).json());
    expect(validate.errors).toBeNull();
  });

  test('its description and the schemas in it are valid by the schema of the OpenAPI Initiative', () => {
    const { components, ...rest } = JSON.parse(JSON.stringify(openApi('0.2.0'))) as Described;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(published);
    expect([validate({ components, ...rest }), validate.errors]).toEqual([true, null]);
    expect(validate({ ...rest, components: { schemas: 1 } })).toBe(false);
    expect(validate({ ...rest, openapi: '3.0.0' })).toBe(false);
    for (const [name, schema] of Object.entries(components.schemas))
      expect([name, ajv.validateSchema(schema)]).toEqual([name, true]);
  });

  test('its description resolves every reference and declares every path parameter', async () => {
    const text = (await get('/api/openapi.json')).body;
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openApi('0.2.0'))));
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(COMPONENTS)).toContain(name);
    for (const { path, params } of Object.values<Operation>(OPERATIONS)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([path, Object.keys(params?.shape ?? {})]).toEqual([path, named]);
    }
  });

  test('searches, sorts and pages deliveries', async () => {
    const ids = async (query: string) => {
      const { deliveries, total } = await json<{ deliveries: { deliveryId: string }[]; total: number }>(
        `/api/deliveries${query}`,
      );
      return [deliveries.map(({ deliveryId }) => deliveryId), total];
    };
    expect(await ids('')).toEqual([['d1', 'Other'], 2]);
    expect(await ids('?sort=success&order=desc')).toEqual([['Other', 'd1'], 2]);
    expect(await ids('?search=OTH')).toEqual([['Other'], 1]);
    expect(await ids('?policy=EFS')).toEqual([['d1'], 1]);
    expect(await ids('?limit=1&offset=1')).toEqual([['Other'], 2]);
  });

  test('pages through a delivery log: every message once, and filtered', async () => {
    type Page = { messages: { messageId: string; status: string }[]; cursor: string | null };
    const all = async (filter: string) => {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page: Page = await json(`/api/deliveries/d1/messages?limit=7${filter}${cursor}`);
        expect(page.messages.length).toBeLessThanOrEqual(7);
        seen.push(...page.messages.map(({ messageId }) => messageId));
        cursor = page.cursor === null ? '' : `&cursor=${page.cursor}`;
      } while (cursor !== '');
      return seen.sort();
    };
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => d1(from + i));
    expect(await all('')).toEqual(ids(0, 50));
    expect(await all('&status=FAILED')).toEqual(ids(SENT, SENT + FAILED));
    expect(await all('&reason=USER_UNKNOWN&domainGroup=google')).toEqual(ids(SENT, SENT + FAILED));
    expect(await all('&domainGroup=other')).toEqual([]);
  });

  test('exports the log as CSV, in which every cell is quoted and no id is a formula, and as NDJSON', async () => {
    const csv = await get('/api/deliveries/d1/messages', { accept: 'text/csv' });
    const lines = csv.body.trim().split('\r\n');
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(lines).toHaveLength(51);
    expect(lines.slice(1).every((line) => line.startsWith(`"'=m`))).toBe(true);
    expect(lines.every((line) => /^"[^"]*"(,"[^"]*")*$/.test(line))).toBe(true);
    const ndjson = await get('/api/deliveries/d1/messages?format=ndjson&status=SENT');
    expect(
      ndjson.body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toHaveLength(SENT);
  });

  test('explains the status of a message', async () => {
    const { why } = await json<{ why: string[] }>('/api/deliveries/d1/messages/%3Dm30');
    expect(why.join(' ')).toMatch(/policy is EFS.*refused it for good.*bounce class 10: USER_UNKNOWN, HARD/);
  });

  test.each([
    ['/api/deliveries/nope', 404, /no KPIs of delivery nope/],
    ['/api/deliveries/d1/messages/nope', 404, /message nope/],
    ['/api/deliveries/nope/messages', 404, /nope/],
    ['/api/deliveries/nope/stream', 404, /nope/],
    ['/api/nowhere', 404, /nothing at GET \/api\/nowhere/],
    ['/api/deliveries?limit=1001', 400, /limit must be <= 1000/],
    ['/api/deliveries?sort=x', 400, /sort/],
    ['/api/deliveries?what=1', 400, /additional properties/],
    [`/api/deliveries?search=${'x'.repeat(129)}`, 400, /search/],
    ['/api/deliveries/d1/messages?cursor=x', 400, /cursor/],
    ['/api/deliveries/d1/messages?cursor=9.0.0.0.', 400, /belongs to state 9, the active state is 1/],
    ['/api/deliveries/d1/messages?cursor=1.99.0.0.', 400, /cursor/],
    ['/api/deliveries/d1/messages?domainGroup=gogle', 400, /the domain groups are apple, google/],
    [`/api/deliveries/${'x'.repeat(129)}`, 400, /deliveryId/],
    ['/api/deliveries/%zz', 400, /url/],
  ])('%s is refused with %i and the reason', async (url, status, message) => {
    const answer = await get(url);
    const { error } = answer.json() as { error: { message: string; remedy: string } };
    expect([answer.status, error.message]).toEqual([status, expect.stringMatching(message)]);
    expect(error.remedy).not.toBe('');
  });

  test('masks addresses and long numbers in dead letters', async () => {
    const { letters, byReason } = await json<{ letters: { preview: unknown }[]; byReason: object }>(
      '/api/dead-letters',
    );
    expect(byReason).toEqual({ 'not-avro': 1 });
    expect(JSON.stringify(letters)).not.toMatch(/jane|0123456789/);
  });

  test('during a Redis outage it answers figures with their staleness, and 503 for messages', async () => {
    there.health.set('redis', 'redis does not answer');
    const list = await json<{ total: number; stale: { since: string; reason: string } }>('/api/deliveries');
    expect([list.total, list.stale.reason]).toEqual([2, 'redis does not answer']);
    expect(Date.parse(list.stale.since)).toBeLessThanOrEqual(Date.now());
    for (const url of ['/api/deliveries/d1/messages', '/api/deliveries/d1/messages/a']) {
      const answer = await get(url);
      expect([answer.status, answer.body]).toEqual([
        503,
        expect.stringContaining(`redis does not answer since ${list.stale.since}`),
      ]);
    }
    expect((await get('/api/tasks')).status).toBe(200);
    there.health.set('redis', null);
    expect((await get('/api/deliveries/d1/messages')).status).toBe(200);
  });
});

describe('access', () => {
  const TOKEN = '0123456789abcdef0123';
  let there: Opened;
  beforeAll(async () => (there = await open({ EFS_HTTP_TOKEN: TOKEN })));
  afterAll(() => there.close());
  const status = async (url: string, headers: Record<string, string> = {}) =>
    (await there.routes.inject({ url, headers })).statusCode;

  test('the API needs the token, as a bearer token or as a session cookie', async () => {
    expect(await status('/api/health')).toBe(401);
    expect(await status('/api/health', { authorization: `Bearer ${TOKEN}x` })).toBe(401);
    expect(await status('/api/health', { authorization: `Bearer ${TOKEN}` })).toBe(200);
    const wrong = { method: 'POST', url: '/api/session', payload: { token: 'wrong' } } as const;
    expect((await there.routes.inject(wrong)).statusCode).toBe(401);
    const session = await there.routes.inject({ ...wrong, payload: { token: TOKEN } });
    const cookie = String(session.headers['set-cookie']);
    expect(cookie).toMatch(/^efs_session=[\w.-]+; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/);
    expect(await status('/api/health', { cookie: cookie.split(';')[0] ?? '' })).toBe(200);
    expect(await status('/api/health', { cookie: 'efs_session=99999999999999.x' })).toBe(401);
    expect(await status('/api/stream')).toBe(401);
  });

  test('a session lasts twelve hours of wall-clock time, also where the service’s own clock runs faster', async () => {
    const clock = fastClock(systemClock, { startAt: systemClock.now(), speed: 1e9 });
    const fast = await open({ EFS_HTTP_TOKEN: TOKEN }, clock);
    try {
      const payload = { token: TOKEN };
      const session = await fast.routes.inject({ method: 'POST', url: '/api/session', payload });
      const { expiresAt } = session.json<{ expiresAt: string }>();
      expect(Math.round((Date.parse(expiresAt) - Date.now()) / HOUR)).toBe(12);
      const cookie = String(session.headers['set-cookie']).split(';')[0] ?? '';
      await systemClock.sleep(1);
      const after = await fast.routes.inject({ url: '/api/health', headers: { cookie } });
      expect(after.statusCode).toBe(200);
    } finally {
      await fast.close();
    }
  });

  test('probes, the page and the description need no token', async () => {
    for (const url of ['/livez', '/metrics', '/', '/api/openapi.json']) expect(await status(url)).toBe(200);
  });

  test('foreign host names and foreign origins are refused; probes accept any host name', async () => {
    const authorization = `Bearer ${TOKEN}`;
    expect(await status('/api/health', { authorization, host: 'evil.example' })).toBe(403);
    expect(await status('/', { host: 'evil.example' })).toBe(403);
    expect(
      await status('/api/health', { authorization, host: 'localhost:80', origin: 'http://evil.example' }),
    ).toBe(403);
    expect(
      await status('/api/health', { authorization, host: 'localhost:80', origin: 'http://localhost:80' }),
    ).toBe(200);
    expect(await status('/livez', { host: 'efs.cluster.local' })).toBe(200);
  });

  test('the page is sent with a content security policy and an etag that is revalidated', async () => {
    const { headers } = await there.routes.inject('/');
    expect(headers['content-security-policy']).toMatch(/^default-src 'self';.*frame-ancestors 'none'$/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    const again = await there.routes.inject({
      url: '/',
      headers: { 'if-none-match': String(headers['etag']) },
    });
    expect(again.statusCode).toBe(304);
  });

  test('a body beyond the limit is refused', async () => {
    const payload = { token: 'x'.repeat(70_000) };
    const { statusCode } = await there.routes.inject({ method: 'POST', url: '/api/session', payload });
    expect(statusCode).toBe(413);
  });
});
