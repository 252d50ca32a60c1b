import { request, type RequestOptions } from 'node:http';
import { request as requestOverTls, type RequestOptions as TlsOptions } from 'node:https';
import { EfsError, isTlsFailure } from '../base/errors';
import type { SchemaRegistrar } from './registry';

export interface HttpRegistryOptions {
  /** Base of a Confluent-compatible API. A path is kept; user and password become basic authentication. */
  readonly url: string;
  /** After this long without the whole answer the registry counts as unavailable. */
  readonly timeoutMs: number;
  /** PEM text of who may have signed the certificate of an `https://` registry; the well-known authorities if absent. */
  readonly ca?: string;
}

/** Answers longer than this are no schema. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

/** The registry's own codes for what it does not have, in the body of a 404. Any other 404 comes from somewhere else. */
const NOT_FOUND_CODES = new Set([40401, 40402, 40403, 40408]);
const INCOMPATIBLE = 409;
const INVALID_SCHEMA = 422;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The registry over HTTP, one request per call, none of them repeated and none sent elsewhere. */
export function httpRegistry({ url, timeoutMs, ca }: HttpRegistryOptions): SchemaRegistrar {
  const { base, headers } = target(url);
  const send = base.startsWith('https:') ? requestOverTls : request;
  // A connection each: schemas are asked for once, and one kept for later would be found closed.
  const options = { headers, ca, agent: false as const };

  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const signal = AbortSignal.timeout(timeoutMs);
    const text = body === undefined ? null : Buffer.from(JSON.stringify(body));
    try {
      return await exchange(send, `${base}${path}`, { ...options, method, signal }, text);
    } catch (cause) {
      const code = isTlsFailure(cause) ? 'tls-failed' : 'registry-unavailable';
      throw new EfsError(
        code,
        `${method} ${base}${path}: ${reasonOf(signal.aborted ? signal.reason : cause)}`,
        { cause },
      );
    }
  };

  /** The body where the registry answers, null where it says that it has no such thing. */
  const get = async (method: string, path: string, body?: object): Promise<Answer['body'] | null> => {
    const answer = await ask(method, path, body);
    if (answer.status === 200) return answer.body;
    if (answer.status === 404 && NOT_FOUND_CODES.has(Number(answer.body['error_code']))) return null;
    throw unexpected(`${method} ${base}${path}`, answer);
  };

  return {
    async schemaById(id) {
      const body = await get('GET', `/schemas/ids/${id}`);
      return body === null ? null : text(body, 'schema', `GET ${base}/schemas/ids/${id}`);
    },
    async idOf(subject, schema) {
      const body = await get('POST', `/subjects/${encodeURIComponent(subject)}`, { schema });
      return body === null ? null : integer(body, 'id', `POST ${base}/subjects/${subject}`);
    },
    async compatibility(subject) {
      const body = await get('GET', `/config/${encodeURIComponent(subject)}`);
      return body === null ? null : text(body, 'compatibilityLevel', `GET ${base}/config/${subject}`);
    },
    async setCompatibility(subject, level) {
      const path = `/config/${encodeURIComponent(subject)}`;
      const answer = await ask('PUT', path, { compatibility: level });
      if (answer.status !== 200) throw unexpected(`PUT ${base}${path}`, answer);
    },
    async register(subject, schema) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      const answer = await ask('POST', path, { schema });
      if (answer.status === 200) return { id: integer(answer.body, 'id', `POST ${base}${path}`) };
      if (answer.status !== INCOMPATIBLE && answer.status !== INVALID_SCHEMA) {
        throw unexpected(`POST ${base}${path}`, answer);
      }
      return { incompatible: String(answer.body['message'] ?? `HTTP ${answer.status}`) };
    },
  };
}

/** One request and its whole answer. Rejects where the signal aborts before it is there. */
function exchange(
  send: typeof request,
  address: string,
  options: RequestOptions & Pick<TlsOptions, 'ca'>,
  body: Buffer | null,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = send(address, options, (response) => {
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

/** Splits the address into what is asked, which messages quote, and what is kept to ourselves: user and password. */
function target(address: string): { base: string; headers: Record<string, string> } {
  const url = new URL(address);
  const headers: Record<string, string> = { accept: CONTENT_TYPE, 'content-type': CONTENT_TYPE };
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
  }
  return { base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, headers };
}

/** A JSON object, or an empty one: whoever needs a field of it then says that the answer is not the registry's. */
function parse(bytes: Buffer): Answer['body'] {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Answer['body']) : {};
  } catch {
    return {};
  }
}

function text(body: Answer['body'], field: string, request: string): string {
  const value = body[field];
  if (typeof value === 'string') return value;
  throw new EfsError('registry-unavailable', `${request}: the answer has no ${field}`);
}

function integer(body: Answer['body'], field: string, request: string): number {
  const value = body[field];
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new EfsError('registry-unavailable', `${request}: the answer has no ${field}`);
}

const unexpected = (request: string, { status, body }: Answer): EfsError => {
  const message = typeof body['message'] === 'string' ? `: ${body['message'].slice(0, 200)}` : '';
  const code = status === 401 || status === 403 ? 'access-refused' : 'registry-unavailable';
  return new EfsError(code, `${request}: HTTP ${status}${message}`);
};

/** What went wrong on the way. */
function reasonOf(error: unknown): string {
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  if (name === 'TimeoutError') return 'no answer in time';
  // Where several addresses failed there is no message.
  return message || code || String(error);
}
