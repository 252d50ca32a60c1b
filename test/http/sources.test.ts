import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020';
import { header } from '../../src/feedback/dead-letter';
import { openApi } from '../../src/http/openapi.http';
import { open, type Opened } from './open';

const TOKEN = '0123456789abcdef0123';
const bearer = { authorization: `Bearer ${TOKEN}` };
const LAST = Date.UTC(2026, 10, 25, 4);
const SOURCE = {
  ...{ name: 'spark', format: 'sparkpost', feedback: 2, ignored: 0 },
  ...{
    deadLetters: { unmatched: 1 },
    events: { bounce: 2 },
    unmatched: 'this rule finds one: messageId: id',
  },
};

describe('GET /api/sources', () => {
  let ingester: Server;
  let there: Opened;
  let url: string;

  beforeAll(async () => {
    ingester = createServer(({ headers }, response) => {
      const isKnown = headers.authorization === bearer.authorization;
      const report = { startedAt: LAST - 1_000, sources: [{ ...SOURCE, lastEventAt: LAST }] };
      response.writeHead(isKnown ? 200 : 401).end(JSON.stringify(report));
    });
    await new Promise<void>((resolve) => ingester.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(ingester.address() as AddressInfo).port}`;
    there = await open({ EFS_HTTP_TOKEN: TOKEN, EFS_INGEST_URLS: `${url}/, http://127.0.0.1:1` });
    const texts = {
      reason: 'not-parsable',
      detail: 'no JSON: jane.doe@example.org',
      source: 'spark',
      format: 'ses',
    };
    await there.emit({
      ...{ topic: 'efs.ingest-dead-letter', partition: 1, key: Buffer.from('spark') },
      value: Buffer.from('"Jane Doe" <jane.doe@example.org>'),
      headers: Object.entries(texts).map(([name, text]) => header(`efs.${name}`, text)),
    });
  });
  afterAll(async () => {
    await there.close();
    ingester.close();
  });

  it('gives what ingesters say to the bearer of the token, and names those that do not answer', async () => {
    const answer = await there.routes.inject({ url: '/api/sources', headers: bearer });
    expect(answer.json()).toMatchObject({
      ingesters: [
        { url, problem: null },
        { url: 'http://127.0.0.1:1', problem: expect.stringMatching(/^does not answer/) },
      ],
      sources: [{ ...SOURCE, since: '2026-11-25T03:59:59.000Z', lastEventAt: '2026-11-25T04:00:00.000Z' }],
    });
    expect((await there.routes.inject({ url: '/api/sources' })).statusCode).toBe(401);
  });

  it('gives the newest dead letters of ingestion, masked and without what was sent, by its schema', async () => {
    const answer = await there.routes.inject({ url: '/api/sources', headers: bearer });
    expect(answer.json()).toMatchObject({
      letters: [{ id: '1/0', reason: 'not-parsable', detail: 'no JSON: ***@example.org', source: 'spark' }],
      lettersProblem: null,
    });
    expect(answer.body).not.toMatch(/jane/i);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', ...openApi('0.2.0') });
    const validate = ajv.compile({ $ref: 'api#/components/schemas/SourceList' });
    validate(answer.json());
    expect(validate.errors).toBeNull();
  });
});
