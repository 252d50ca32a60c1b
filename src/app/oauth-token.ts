import type { ConnectionOptions } from 'node:tls';
import { type Answer, reasonOf, send } from '../avro/exchange.confluent';
import { basic } from '../avro/registry.confluent';
import { EfsError, isTlsFailure } from '../base/errors';
import { MINUTE_MS, SECOND_MS } from '../base/time';
import type { Token } from '../kafka/token';

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

/** Used where the answer has no `expires_in`. */
const DEFAULT_LIFETIME_MS = MINUTE_MS;

/**
 * Requests an access token by client credentials (RFC 6749, 4.4). Throws `access-refused` where the endpoint refuses the
 * client or the scope, `tls-failed`, and `token-unavailable` for every other answer and where there is no answer.
 */
export async function requestToken(client: OauthClient): Promise<Token> {
  const { href, origin, pathname, protocol } = new URL(client.tokenUrl);
  const endpoint = `token endpoint ${origin}${pathname}`;
  const signal = AbortSignal.timeout(client.timeoutMs);
  const options = {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      // RFC 6749, 2.3.1.
      authorization: basic(formEncoded(client.clientId), formEncoded(client.clientSecret())),
    },
    signal,
    ...(protocol === 'https:' ? client.tls : {}),
  };
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (client.scope !== '') form.set('scope', client.scope);
  try {
    return tokenOf(endpoint, await send(href, options, form.toString()));
  } catch (cause) {
    if (cause instanceof EfsError) throw cause;
    const code = isTlsFailure(cause) ? 'tls-failed' : 'token-unavailable';
    throw new EfsError(code, `${endpoint}: ${reasonOf(signal.aborted ? signal.reason : cause)}`, { cause });
  }
}

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

/** The token of an answer (RFC 6749, 5.1); throws where it is an error (5.2). */
function tokenOf(endpoint: string, { status, body }: Answer): Token {
  const { access_token: value, expires_in: seconds, error, error_description: description } = body;
  if (status === 200 && typeof value === 'string' && value !== '') {
    const lifetimeMs = Number(seconds) > 0 ? Number(seconds) * SECOND_MS : DEFAULT_LIFETIME_MS;
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
