import { type IncomingMessage, request } from 'node:http';
import { request as requestOverTls, type RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { EfsError, isTlsFailure } from '../base/errors';
import { MINUTE_MS } from '../base/time';
import type { Token } from './token';

/** A client of an OAuth 2.0 authorization server (RFC 6749). */
export interface OauthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Called at each request. */
  readonly clientSecret: () => string;
  /** Scopes, separated by blanks; empty asks for none. */
  readonly scope: string;
  /** The endpoint counts as unavailable where the whole answer takes longer. */
  readonly timeoutMs: number;
  /** Read at each request to an `https:` endpoint. */
  readonly tls: Pick<ConnectionOptions, 'secureContext'>;
}

const MAX_BODY_BYTES = 1 << 20;

/** Used where the answer has no `expires_in`. */
const DEFAULT_LIFETIME_MS = MINUTE_MS;

/**
 * Requests an access token by client credentials (RFC 6749, 4.4). Throws `access-refused` where the endpoint refuses the
 * client or the scope, `tls-failed`, and `token-unavailable` for every other answer and where there is no answer.
 */
export async function requestToken(client: OauthClient): Promise<Token> {
  const { origin, pathname, protocol } = new URL(client.tokenUrl);
  const endpoint = `token endpoint ${origin}${pathname}`;
  const signal = AbortSignal.timeout(client.timeoutMs);
  const options = {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: basic(client.clientId, client.clientSecret()),
    },
    agent: false as const,
    signal,
    ...(protocol === 'https:' ? client.tls : {}),
  };
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (client.scope !== '') form.set('scope', client.scope);
  try {
    const send = protocol === 'https:' ? requestOverTls : request;
    const { status, body } = await exchange(send, client.tokenUrl, options, form.toString());
    return tokenOf(endpoint, status, body);
  } catch (cause) {
    if (cause instanceof EfsError) throw cause;
    const reason = signal.aborted ? 'no answer in time' : reasonOf(cause);
    throw new EfsError(isTlsFailure(cause) ? 'tls-failed' : 'token-unavailable', `${endpoint}: ${reason}`, {
      cause,
    });
  }
}

/** The authorization header of a client: id and secret are form-encoded first (RFC 6749, 2.3.1). */
function basic(clientId: string, secret: string): string {
  const encoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encoded(clientId)}:${encoded(secret)}`).toString('base64')}`;
}

function exchange(
  send: typeof request,
  url: string,
  options: RequestOptions,
  form: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = send(url, options, (response) => {
      bodyOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    sent.on('error', reject);
    sent.end(form);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The token of an answer (RFC 6749, 5.1); throws where it is an error (5.2). */
function tokenOf(endpoint: string, status: number, body: string): Token {
  const answer = parse(body);
  const { access_token: value, expires_in: seconds, error, error_description: description } = answer;
  if (status === 200 && typeof value === 'string' && value !== '') {
    const lifetimeMs = Number(seconds) > 0 ? Number(seconds) * 1_000 : DEFAULT_LIFETIME_MS;
    return { value, lifetimeMs };
  }
  const isRefusal = status === 401 || (status === 400 && typeof error === 'string');
  const details = [error, description].filter((each) => typeof each === 'string').map((each) => `: ${each}`);
  const text = status === 200 ? 'the answer has no access_token' : `HTTP ${status}${details.join('')}`;
  throw new EfsError(
    isRefusal ? 'access-refused' : 'token-unavailable',
    `${endpoint}: ${text.slice(0, 300)}`,
  );
}

/** The JSON object in a body, or an empty one. */
function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** An error has no message where several addresses failed. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
