import { BOUNDS } from '../../src/http/budget.http';
import { probedServer } from '../../src/http/server.http';
import { countSources } from '../../src/ingest/source-counts';
import { addSourcesRoute } from '../../src/ingest/sources.http';
import { takenOfValue } from '../../src/ingest/source';
import type { JsonFormat } from '../../src/mta/format';
import type { Json } from '../../src/mta/json';
import { createHealth } from '../../src/queries/health';
import { delivered, sampleSource } from './sample-door';

const taken = (...events: object[]) =>
  takenOfValue(sampleSource, sampleSource.format as JsonFormat, events as unknown as Json);

describe('the counts of sources', () => {
  it('have a source without events, and count outcomes, words and reasons of the others', () => {
    const counts = countSources([sampleSource, { ...sampleSource, name: 'silent' }], 1_000);
    counts.taken(sampleSource, taken(delivered('a'), delivered('b'), { type: 'open' }), 2_000);
    counts.taken(sampleSource, taken({ type: 'delivered', message: 'm' }, { type: 'what' }), 3_000);
    counts.taken(sampleSource, [], 4_000);
    expect(counts.report(new Map([['shop', 'no id']]))).toEqual({
      startedAt: 1_000,
      sources: [
        {
          ...{ name: 'shop', format: 'sample', lastEventAt: 3_000, feedback: 2, ignored: 1 },
          deadLetters: { unmatched: 1, 'unknown-event': 1 },
          events: { delivered: 2, open: 1 },
          unmatched: 'no id',
        },
        {
          ...{ name: 'silent', format: 'sample', lastEventAt: null, feedback: 0, ignored: 0 },
          ...{ deadLetters: {}, events: {}, unmatched: null },
        },
      ],
    });
  });

  it('are bounded: a sender that makes up words does not make up lines', () => {
    const counts = countSources([sampleSource], 0);
    for (let index = 0; index < 200; index += 1)
      counts.taken(sampleSource, [{ mapped: { outcome: 'ignored', event: `word-${index}` }, raw: '' }], 0);
    const [source] = counts.report(new Map()).sources;
    expect(Object.keys(source?.events ?? {})).toHaveLength(65);
    expect(source?.events['other']).toBe(136);
  });
});

describe('GET /sources', () => {
  const TOKEN = '0123456789abcdef0123';
  const status = async (
    { host, token }: { host: string; token: string },
    headers: Record<string, string> = {},
  ): Promise<number> => {
    const metrics = { exposition: async () => ({ type: 'text/plain', text: '' }) as never };
    const server = probedServer({ health: createHealth({}), metrics }, BOUNDS);
    addSourcesRoute(server, { host, token, report: () => ({ startedAt: 0, sources: [] }) });
    const { statusCode, body } = await server.inject({ url: '/sources', headers });
    if (statusCode === 200) expect(JSON.parse(body)).toEqual({ startedAt: 0, sources: [] });
    return statusCode;
  };

  it.each(['127.0.0.1', '0.0.0.0'])(
    'on %s needs the token, where one is set, and no session',
    async (host) => {
      const there = { host, token: TOKEN };
      expect(await status(there)).toBe(401);
      expect(await status(there, { authorization: 'Bearer another' })).toBe(401);
      expect(await status(there, { cookie: `efs_session=${TOKEN}` })).toBe(401);
      expect(await status(there, { authorization: `Bearer ${TOKEN}`, host: 'efs-ingest' })).toBe(200);
    },
  );

  it('without a token answers on loopback alone, and there neither foreign names nor foreign pages', async () => {
    const there = { host: '127.0.0.1', token: '' };
    expect(await status(there)).toBe(200);
    expect(await status(there, { host: 'evil.example' })).toBe(403);
    expect(await status(there, { host: 'localhost:8092', origin: 'http://evil.example' })).toBe(403);
    expect(await status({ host: '0.0.0.0', token: '' })).toBe(401);
    expect(await status({ host: '0.0.0.0', token: '' }, { host: 'localhost' })).toBe(401);
  });
});
