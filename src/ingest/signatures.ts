import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../base/time';

/*
 * Signatures of requests, by the documentation of who signs. All work on the raw bytes of the body. Those with a time refuse
 * old ones: a repeated request has no effect, but a captured one should not be a probe of the door for ever.
 */

/** Sent with each attempt (standardwebhooks.com): only clocks differ. */
const ATTEMPT_TOLERANCE_MS = 5 * MINUTE_MS;
/** Providers that may repeat a request under its first signature do so for a day. */
const RETRY_TOLERANCE_MS = 25 * HOUR_MS;

/** A request as it came, with the names of its headers in lower case. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** The header's value, the first where it was sent several times; empty where it is absent. */
export function headerOf({ headers }: Pick<SignedRequest, 'headers'>, name: string): string {
  const value = headers[name.toLowerCase()];
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}

/** Whether a text is the expected MAC in this encoding, in constant time. */
function isMac(expected: Buffer, text: string, encoding: 'hex' | 'base64'): boolean {
  const given = Buffer.from(text.trim(), encoding);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Whether a time in seconds since 1970 is within the tolerance, and not more than a few minutes ahead. */
function isRecent(seconds: string, now: number, toleranceMs: number): boolean {
  const at = /^\d{1,12}(\.\d{1,9})?$/u.test(seconds) ? Number(seconds) * SECOND_MS : NaN;
  return at >= now - toleranceMs && at <= now + ATTEMPT_TOLERANCE_MS;
}

/** A public key as PEM, or as the base64 of its DER that consoles show. Throws where it is neither. */
export function publicKey(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return createPublicKey(text);
  return createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
}

/** HMAC-SHA256 of the body in one header, with or without `sha256=` before it. */
export function isSignedByHmac(
  request: SignedRequest,
  { header, encoding }: { readonly header: string; readonly encoding: 'hex' | 'base64' },
  secret: string,
): boolean {
  const expected = createHmac('sha256', secret).update(request.body).digest();
  return isMac(expected, headerOf(request, header).replace(/^sha256=/u, ''), encoding);
}

/** Mailgun: HMAC-SHA256 in hex of timestamp and token, both in the body. */
export function isSignedByMailgun(
  fields: { readonly timestamp: string; readonly token: string; readonly signature: string },
  secret: string,
  now: number,
): boolean {
  const expected = createHmac('sha256', secret)
    .update(fields.timestamp + fields.token)
    .digest();
  return isMac(expected, fields.signature, 'hex') && isRecent(fields.timestamp, now, RETRY_TOLERANCE_MS);
}

/** Mandrill: HMAC-SHA1 in base64 of the webhook's URL and each form field, name and value, sorted by name. */
export function isSignedByMandrill(request: SignedRequest, url: string, secret: string): boolean {
  const fields = [...new URLSearchParams(request.body.toString('utf8'))];
  fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const expected = createHmac('sha1', secret)
    .update(url + fields.map(([name, value]) => name + value).join(''))
    .digest();
  return isMac(expected, headerOf(request, 'x-mandrill-signature'), 'base64');
}

/** Postal: RSA over the body, with SHA-256 in its newer header and SHA-1 in its older one. */
export function isSignedByPostal(request: SignedRequest, key: KeyObject): boolean {
  const newer = headerOf(request, 'x-postal-signature-256');
  const signature = newer === '' ? headerOf(request, 'x-postal-signature') : newer;
  return verify(newer === '' ? 'sha1' : 'sha256', request.body, key, Buffer.from(signature, 'base64'));
}

/** SendGrid: ECDSA over P-256 and SHA-256 of timestamp and body, in DER and base64. */
export function isSignedBySendgrid(request: SignedRequest, key: KeyObject, now: number): boolean {
  const timestamp = headerOf(request, 'x-twilio-email-event-webhook-timestamp');
  const signature = headerOf(request, 'x-twilio-email-event-webhook-signature');
  const signed = Buffer.concat([Buffer.from(timestamp), request.body]);
  return (
    isRecent(timestamp, now, RETRY_TOLERANCE_MS) &&
    verify('sha256', signed, { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'))
  );
}

/** The bytes of a Standard Webhooks secret: `whsec_` and base64. */
const webhookKey = (secret: string): Buffer => Buffer.from(secret.replace(/^whsec_/u, ''), 'base64');

/** Standard Webhooks, also under Svix' names of the headers: HMAC-SHA256 of id, timestamp and body; one of several signatures. */
export function isSignedByStandard(request: SignedRequest, secret: string, now: number): boolean {
  const named = (part: string): string =>
    headerOf(request, `webhook-${part}`) || headerOf(request, `svix-${part}`);
  const timestamp = named('timestamp');
  const expected = createHmac('sha256', webhookKey(secret))
    .update(`${named('id')}.${timestamp}.`)
    .update(request.body)
    .digest();
  const signatures = named('signature')
    .split(' ')
    .filter((each) => each.startsWith('v1,'));
  return (
    isRecent(timestamp, now, ATTEMPT_TOLERANCE_MS) &&
    signatures.some((each) => isMac(expected, each.slice('v1,'.length), 'base64'))
  );
}
