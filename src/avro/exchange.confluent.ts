import { request, type RequestOptions } from 'node:http';
import { request as requestOverTls, type RequestOptions as TlsOptions } from 'node:https';
import { EfsError, isTlsFailure } from '../base/errors';

export interface ExchangeOptions extends Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  /** The header `authorization`, called at each request; null for no header. */
  readonly authorization: () => string | null;
}

/** A request to the registry. */
export interface RegistryRequest {
  readonly method: string;
  readonly url: string;
  /** JSON text, or null. */
  readonly body: string | null;
  /** The field that a successful answer must have. */
  readonly wants: 'id' | 'schema' | 'compatibilityLevel' | null;
}

type Body = Readonly<Record<string, unknown>>;

/**
 * Sends one request, without retries or redirects. Returns the body of a successful answer. Throws `Refusal`;
 * `access-refused`, `tls-failed`, and `registry-unavailable` for everything else, also where the signal aborts before the
 * whole answer has arrived.
 */
export type Exchange = (request: RegistryRequest, signal: AbortSignal) => Promise<Body>;

/** A refusal by the registry itself: with 404 it does not have the subject, version or id, else it rejects a schema. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly url: string;
  readonly status: number;

  constructor({ url }: RegistryRequest, { status, body }: Answer) {
    super(String(body['message'] ?? `HTTP ${status}`));
    this.url = url;
    this.status = status;
  }
}

export interface Answer {
  readonly status: number;
  /** A JSON object; empty where the answer is not one. */
  readonly body: Body;
}

/** Longer answers are rejected. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

/** The registry's "not found" codes in the body of a 404. Any other 404 comes from another server. */
const NOT_FOUND_CODES = [40401, 40402, 40403, 40408];
const INCOMPATIBLE = 409;
const INVALID_SCHEMA = 422;

export function exchange({ authorization, ...tls }: ExchangeOptions): Exchange {
  return async (asked, signal) => {
    const { method, url, body } = asked;
    const login = authorization();
    const headers = {
      accept: CONTENT_TYPE,
      'content-type': CONTENT_TYPE,
      ...(login === null ? {} : { authorization: login }),
    };
    const answer = await send(url, { ...tls, method, headers, signal }, body).catch((cause: unknown) => {
      const code = isTlsFailure(cause) ? 'tls-failed' : 'registry-unavailable';
      throw new EfsError(code, `${method} ${url}: ${reasonOf(signal.aborted ? signal.reason : cause)}`, {
        cause,
      });
    });
    return bodyOf(asked, answer);
  };
}

function bodyOf(asked: RegistryRequest, answer: Answer): Body {
  const { method, url, wants } = asked;
  const { status, body } = answer;
  if (status === 200) {
    if (wants === null || has(body, wants)) return body;
    throw new EfsError('registry-unavailable', `${method} ${url}: the answer has no ${wants}`);
  }
  const isAbsent = status === 404 && NOT_FOUND_CODES.includes(Number(body['error_code']));
  if (isAbsent || status === INCOMPATIBLE || status === INVALID_SCHEMA) throw new Refusal(asked, answer);
  const message = typeof body['message'] === 'string' ? `: ${body['message'].slice(0, 200)}` : '';
  const code = status === 401 || status === 403 ? 'access-refused' : 'registry-unavailable';
  throw new EfsError(code, `${method} ${url}: HTTP ${status}${message}`);
}

const has = (body: Body, field: 'id' | 'schema' | 'compatibilityLevel'): boolean =>
  field === 'id' ? Number.isInteger(body[field]) : typeof body[field] === 'string';

/** One request and its whole answer. Rejects where the signal aborts before the answer has arrived. */
export function send(
  url: string,
  options: RequestOptions & TlsOptions,
  body: string | null,
): Promise<Answer> {
  const over = url.startsWith('https:') ? requestOverTls : request;
  return new Promise((resolve, reject) => {
    // One connection per request: schemas are requested once, and a kept connection would be closed by its next use.
    const sent = over(url, { ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
        else sent.destroy(new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks)) }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

function parse(bytes: Buffer): Body {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Body) : {};
  } catch {
    return {};
  }
}

/** The reason of a failed request. */
export function reasonOf(error: unknown): string {
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  if (name === 'TimeoutError') return 'no answer in time';
  // An error has no message where several addresses failed.
  return message || code || String(error);
}
