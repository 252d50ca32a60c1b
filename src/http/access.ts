import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { EfsError } from '../base/errors';
import { HOUR_MS } from '../base/time';

/*
 * Access control. The token is sent as a bearer token or, by a browser, as a session cookie that proves knowledge of the
 * token: an expiry and its MAC under the token. So no session is stored, every process accepts the cookie, and a new
 * token ends all sessions.
 */

export const SESSION_COOKIE = 'efs_session';
const SESSION_MS = 12 * HOUR_MS;

/** Whether two secrets are equal, compared in constant time. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

const mac = (token: string, expiresAt: number): string =>
  createHmac('sha256', token).update(`efs session until ${expiresAt}`).digest('base64url');

/** The value of a session's cookie, and when it ends; times in milliseconds since 1970. */
export function openSession(token: string, now: number): { value: string; expiresAt: number } {
  const expiresAt = now + SESSION_MS;
  return { value: `${expiresAt}.${mac(token, expiresAt)}`, expiresAt };
}

export function isSession(token: string, value: string, now: number): boolean {
  const [, expiry = '', signed = ''] = /^(\d{1,15})\.([\w-]{43})$/.exec(value) ?? [];
  const expiresAt = Number(expiry);
  return expiry !== '' && expiresAt > now && sameSecret(signed, mac(token, expiresAt));
}

/** Whether a request carries the token: as `authorization: Bearer` or as a session. */
export function isAuthorized(
  token: string,
  headers: { readonly authorization?: string | undefined; readonly cookie?: string | undefined },
  now: number,
): boolean {
  const [, bearer] = /^Bearer +([\x21-\x7e]{1,1024})$/i.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined) return sameSecret(bearer, token);
  const session = cookieOf(headers.cookie ?? '', SESSION_COOKIE);
  return session !== null && isSession(token, session, now);
}

function cookieOf(header: string, name: string): string | null {
  for (const part of header.split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Whether a server that listens on this host is reached from its own machine only. */
export const isLoopback = (host: string): boolean =>
  LOOPBACK.includes(host) || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Whether the Host header names this service. A foreign page can make its own name resolve to this service (DNS
 * rebinding), and its requests then carry that name; an IP address cannot be rebound, so any address is accepted if the
 * server is not bound to loopback.
 */
export function isHostOurs(
  header: string | undefined,
  ours: { readonly httpHost: string; readonly allowed: readonly string[] },
): boolean {
  const name = (header ?? '').toLowerCase().replace(/:\d+$/, '');
  if (LOOPBACK.includes(name) || name === ours.httpHost || ours.allowed.includes(name)) return true;
  return !isLoopback(ours.httpHost) && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

/** Whether a browser's request comes from a page of this service. Other clients send no Origin. */
export function isOriginOurs(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: theirs } = new URL(origin);
  // Both are parsed, so that a default port may be written or left out.
  const ours = `${protocol}//${host ?? ''}`;
  return URL.canParse(ours) && new URL(ours).host === theirs;
}

/** Refuses requests for other host names and from foreign pages. Throws `not-allowed`. */
export function checkOurs(
  { host, origin }: { readonly host?: string | undefined; readonly origin?: string | undefined },
  ours: { readonly httpHost: string; readonly allowed: readonly string[] },
): void {
  if (isHostOurs(host, ours) && isOriginOurs(origin, host)) return;
  throw new EfsError('not-allowed', 'the Host header names another host, or a foreign page sent the request');
}

/** Sent with every response: no foreign content, no frames, no type sniffing. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'content-security-policy': [
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
};
