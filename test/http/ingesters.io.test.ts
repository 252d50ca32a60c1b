import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { askIngesters } from '../../src/http/ingesters.http';

const REPORT = {
  startedAt: 1,
  sources: [
    {
      ...{ name: 'spark', format: 'sparkpost', lastEventAt: null, feedback: 2, ignored: 0 },
      ...{ deadLetters: { unmatched: 1 }, events: { bounce: 2 }, unmatched: null },
    },
  ],
};

describe('asking ingesters', () => {
  const servers: Server[] = [];
  afterAll(() =>
    servers.forEach((server) => {
      server.closeAllConnections();
      server.close();
    }),
  );

  /** A server that stands for an ingester; returns its URL. */
  const ingester = async (answer: RequestListener): Promise<string> => {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const answering =
    (status: number, body: string): RequestListener =>
    (_, response) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(body);

  it('sends the token, takes the report, and leaves out what it does not know', async () => {
    let seen: unknown = null;
    const url = await ingester(({ url: path, headers }, response) => {
      seen = [path, headers.authorization];
      response.end(JSON.stringify({ ...REPORT, later: true }));
    });
    expect(await askIngesters([`${url}/efs`], 'open-sesame')()).toEqual([
      { url: `${url}/efs`, report: REPORT },
    ]);
    expect(seen).toEqual(['/efs/sources', 'Bearer open-sesame']);
    await askIngesters([url], '')();
    expect(seen).toEqual(['/sources', undefined]);
  });

  const invalid = { ...REPORT, sources: [{ ...REPORT.sources[0], feedback: 'many' }] };
  it.each([
    ['another token', answering(401, '{}'), /answered 401: EFS_HTTP_TOKEN must be the same/],
    ['no such path', answering(404, '{}'), /answered 404: it is another program/],
    ['a failure', answering(500, '{}'), /^answered 500$/],
    ['no JSON', answering(200, '<html>'), /not that of an ingester/],
    ['another JSON', answering(200, JSON.stringify(invalid)), /not that of an ingester/],
    ['more than 1 MiB', answering(200, ' '.repeat(1024 * 1024 + 1)), /longer than 1048576 bytes/],
    ['nothing', () => undefined, /does not answer within 1000 ms/],
    ['half an answer', (_, response) => void response.write('{'), /does not answer within 1000 ms/],
    ['a closed connection', ({ socket }) => void socket.destroy(), /does not answer \(UND_ERR_SOCKET\)/],
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
      /does not answer \(unexpected redirect\)/,
    ],
  ] as [string, RequestListener, RegExp][])(
    'names what is wrong with an ingester that answers with %s, and takes the other’s report',
    async (_, listener, problem) => {
      const [good, bad] = await Promise.all([
        ingester(answering(200, JSON.stringify(REPORT))),
        ingester(listener),
      ]);
      expect(await askIngesters([bad, good], '', 1_000)()).toEqual([
        { url: bad, problem: expect.stringMatching(problem) },
        { url: good, report: REPORT },
      ]);
    },
  );
});
