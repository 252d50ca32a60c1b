import { z } from 'zod';
import type { IngesterAnswer, IngesterReport } from '../queries/sources';

/** An ingester that takes longer counts as one that does not answer. */
const DEADLINE_MS = 2_000;
const BYTES_MAX = 1024 * 1024;
const PROBLEM_MAX = 200;

const count = z.int().min(0);
const counts = z.record(z.string().max(200), count);
const moment = z.int().min(0);

/** The answer of `GET /sources`; what a later version adds is left out. */
const Report = z.object({
  startedAt: moment,
  sources: z.array(
    z.object({
      name: z.string().max(200),
      format: z.string().max(200),
      lastEventAt: moment.nullable(),
      feedback: count,
      ignored: count,
      deadLetters: counts,
      events: counts,
      unmatched: z.string().max(10_000).nullable(),
    }),
  ),
});

/** Why there is no report, in words for an operator. */
class NoReport extends Error {
  override readonly name = 'NoReport';
}

function refusal(status: number): string {
  if (status === 401) return 'answered 401: EFS_HTTP_TOKEN must be the same there as here';
  if (status === 404) return 'answered 404: it is another program, or an older version';
  return `answered ${status}`;
}

async function textOf(body: ReadableStream | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new NoReport(`its answer is longer than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reportIn(text: string): IngesterReport {
  try {
    return Report.parse(JSON.parse(text));
  } catch {
    throw new NoReport('its answer is not that of an ingester');
  }
}

async function request(url: string, token: string, deadlineMs: number): Promise<IngesterReport> {
  const response = await fetch(`${url}/sources`, {
    headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs),
  });
  if (response.status === 200) return reportIn(await textOf(response.body));
  await response.body?.cancel();
  throw new NoReport(refusal(response.status));
}

/** What `fetch` says of a failure is in its cause: the code of the socket's error. */
function problemOf(error: unknown, deadlineMs: number): string {
  if (error instanceof NoReport) return error.message;
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return `does not answer within ${deadlineMs} ms`;
  const { code, message: reason = message } = (cause ?? {}) as { code?: string; message?: string };
  return `does not answer (${code ?? reason})`.slice(0, PROBLEM_MAX);
}

/**
 * Asks every ingester at once, with the token where one is set. Each gives its report or the reason why there is none, within
 * the deadline.
 */
export function askIngesters(
  urls: readonly string[],
  token: string,
  deadlineMs: number = DEADLINE_MS,
): () => Promise<readonly IngesterAnswer[]> {
  const ask = (url: string): Promise<IngesterAnswer> =>
    request(url, token, deadlineMs).then(
      (report) => ({ url, report }),
      (error: unknown) => ({ url, problem: problemOf(error, deadlineMs) }),
    );
  return () => Promise.all(urls.map(ask));
}
