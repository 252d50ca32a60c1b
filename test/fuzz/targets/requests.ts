import { isNativeError } from 'node:util/types';
import type { Readable } from 'node:stream';
import { feedback } from '../../support/feedback';
import { open } from '../../http/open';
import { allowing, holds, inFewWords, type Target } from '../target';
import { OPERATIONS } from '../../../src/http/operations.http';

/** Most bytes of an answer that are read. */
const READ_MAX = 1 << 20;

/** What is read of an answer. A live stream has no end: its first bytes are enough. */
async function lengthOf(stream: Readable): Promise<number> {
  let length = 0;
  const first = setTimeout(() => stream.destroy(), 20);
  try {
    for await (const piece of stream) {
      length += (piece as Buffer).length;
      if (length > READ_MAX) break;
    }
  } catch {
    // Destroyed above.
  } finally {
    clearTimeout(first);
    stream.destroy();
  }
  return length;
}

/** Lines: method and path, then headers, then an empty line and the body. */
function requestFrom(input: Buffer) {
  const [head = '', ...rest] = input.toString('latin1').split('\n\n');
  const [first = '', ...lines] = head.split('\n');
  const [method = 'GET', ...path] = first.split(' ');
  const headers = Object.fromEntries(
    lines.flatMap((line): [string, string][] => {
      const at = line.indexOf(':');
      return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]];
    }),
  );
  return { method, url: path.join(' '), headers, body: rest.join('\n\n') };
}

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PUT'] as const;

function seeds(): Buffer[] {
  const paths = Object.values(OPERATIONS).map(({ path }) =>
    path.replace('{deliveryId}', 'd1').replace('{messageId}', 'm1'),
  );
  const queries = [
    '?limit=5&before=3',
    '?from=2026-01-01T00:00:00Z&status=FAILED',
    '?format=csv',
    '?a[b]=c&a=1',
  ];
  const all = [...paths, '/', '/livez', '/readyz', '/metrics', '/delivery.js', '/x'];
  return [
    ...all.map((path) => `GET ${path}\nhost: localhost\naccept: text/csv`),
    ...paths.flatMap((path) => queries.map((query) => `GET ${path}${query}\nhost: localhost`)),
    'POST /api/session\nhost: localhost\norigin: http://localhost\ncontent-type: application/json\n\n{"token":"t"}',
    'DELETE /api/session\nhost: localhost\ncookie: efs_session=x; a=b',
  ].map((text) => Buffer.from(text));
}

/** HTTP requests to a service in memory: each has an answer, and none is an error of the service. */
export const requests: Target = {
  name: 'requests',
  maxMs: 1_000,
  maxBytes: 16 << 10,
  async open() {
    const opened = await open({ EFS_HTTP_TOKEN: '' });
    await opened.report([feedback.relayed({ deliveryId: 'd1', messageId: 'm1' })]);
    await opened.until(() => opened.queries.view.get('d1') !== null);
    return {
      seeds: seeds(),
      async run(input) {
        const { method, url, headers, body } = requestFrom(input);
        const known = METHODS.find((each) => each === method.toUpperCase()) ?? 'GET';
        const sent = allowing(isNativeError, () =>
          opened.routes.inject({
            ...{ method: known, url, headers, payloadAsStream: true as const },
            ...(known === 'POST' || known === 'PUT' ? { payload: body } : {}),
          }),
        );
        if ('refused' in sent) return `not sent: ${sent.refused}`;
        // What cannot be sent as a request is no request.
        const answer = await sent.value.catch((error: unknown) => inFewWords(String(error)));
        if (typeof answer === 'string') return `not sent: ${answer}`;
        const length = await lengthOf(answer.stream());
        holds(
          answer.statusCode < 500 || answer.statusCode === 503,
          `no answer is an error: ${answer.statusCode}`,
        );
        return `${answer.statusCode} ${Math.round(Math.log2(length + 1))} ${String(answer.headers['content-type'])}`;
      },
      close: () => opened.close(),
    };
  },
};
