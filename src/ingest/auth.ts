import { type KeyObject } from 'node:crypto';
import { sameSecret } from '../http/access';
import { UnreadableBody, valuesOf } from '../mta/body';
import { at, text } from '../mta/json';
import {
  headerOf,
  isSignedByHmac,
  isSignedByMailgun,
  isSignedByMandrill,
  isSignedByPostal,
  isSignedBySendgrid,
  isSignedByStandard,
  type SignedRequest,
} from './signatures';

/** What proves a sender: one secret, or the old and the new one while it is being changed. */
export type Secrets = readonly string[];

/**
 * Ways of proof that a secret is all there is to say of. `basic` is `user:password`, or only the password of whichever user;
 * `password` is that, or a bearer token.
 */
export type SecretKind = 'basic' | 'bearer' | 'password' | 'mailgun' | 'standard-webhooks';

/** How the senders of a source prove themselves. */
export type Auth =
  /** Not at all; on loopback only. */
  | { readonly kind: 'none' }
  /** To a proxy in front, or by the network. */
  | { readonly kind: 'proxy' }
  | { readonly kind: SecretKind; readonly secrets: Secrets }
  | { readonly kind: 'header'; readonly header: string; readonly secrets: Secrets }
  | {
      readonly kind: 'hmac';
      readonly header: string;
      readonly encoding: 'hex' | 'base64';
      readonly secrets: Secrets;
    }
  | { readonly kind: 'mandrill'; readonly url: string; readonly secrets: Secrets }
  | { readonly kind: 'postal'; readonly keys: readonly KeyObject[] }
  | { readonly kind: 'sendgrid'; readonly keys: readonly KeyObject[] }
  /** Signed by Amazon SNS, for one of these topics. */
  | { readonly kind: 'sns'; readonly topics: readonly string[] };

/** Whether one of the secrets does, without stopping at the first that does. */
const some = <T>(all: readonly T[], proves: (each: T) => boolean): boolean =>
  all.map(proves).some((each) => each);

function basicOf(authorization: string): string | null {
  const [, encoded] = /^Basic +([\w+/=-]{1,4096})$/iu.exec(authorization) ?? [];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString('utf8');
}

function isBasic(authorization: string, secrets: Secrets): boolean {
  const given = basicOf(authorization);
  if (given === null) return false;
  const password = given.slice(given.indexOf(':') + 1);
  return some(secrets, (secret) => sameSecret(secret.includes(':') ? given : password, secret));
}

function isBearer(authorization: string, secrets: Secrets): boolean {
  const [, token] = /^Bearer +([\x21-\x7e]{1,4096})$/iu.exec(authorization) ?? [];
  return token !== undefined && some(secrets, (secret) => sameSecret(token, secret));
}

/**
 * Whether the headers alone prove the sender; null where that takes the body. A request that they do not prove is refused
 * before its body is read.
 */
export function provenByHeaders(auth: Auth, request: Pick<SignedRequest, 'headers'>): boolean | null {
  const authorization = headerOf(request, 'authorization');
  switch (auth.kind) {
    case 'none':
    case 'proxy':
      return true;
    case 'basic':
      return isBasic(authorization, auth.secrets);
    case 'bearer':
      return isBearer(authorization, auth.secrets);
    case 'password':
      return isBasic(authorization, auth.secrets) || isBearer(authorization, auth.secrets);
    case 'header':
      return some(auth.secrets, (secret) => sameSecret(headerOf(request, auth.header), secret));
    default:
      return null;
  }
}

/** The fields that Mailgun signs: in `signature`, or beside the others in its older form. */
async function mailgunFields(request: SignedRequest) {
  const [value] = await valuesOf(request.body, headerOf(request, 'content-type') || null);
  const body = value instanceof UnreadableBody ? undefined : value;
  const field = (name: string): string => text(at(body, 'signature', name)) ?? text(at(body, name)) ?? '';
  return { timestamp: field('timestamp'), token: field('token'), signature: field('signature') };
}

/** Whether headers and body prove the sender. `now` in milliseconds since 1970. SNS is verified elsewhere: it has certificates. */
export async function provenByBody(
  auth: Exclude<Auth, { readonly kind: 'sns' }>,
  request: SignedRequest,
  now: number,
): Promise<boolean> {
  switch (auth.kind) {
    case 'hmac':
      return some(auth.secrets, (secret) => isSignedByHmac(request, auth, secret));
    case 'mailgun': {
      const fields = await mailgunFields(request);
      return some(auth.secrets, (secret) => isSignedByMailgun(fields, secret, now));
    }
    case 'mandrill':
      return some(auth.secrets, (secret) => isSignedByMandrill(request, auth.url, secret));
    case 'standard-webhooks':
      return some(auth.secrets, (secret) => isSignedByStandard(request, secret, now));
    case 'postal':
      return some(auth.keys, (key) => isSignedByPostal(request, key));
    case 'sendgrid':
      return some(auth.keys, (key) => isSignedBySendgrid(request, key, now));
    default:
      return provenByHeaders(auth, request) === true;
  }
}
