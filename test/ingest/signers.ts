import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/* What providers put into their requests to prove themselves, made by their documentation and not by what is tested. */

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A public key as consoles show it. */
export const inline = (key: KeyObject): string =>
  key.export({ format: 'der', type: 'spki' }).toString('base64');

/** HMAC by its definition (RFC 2104), with a hash of 64-byte blocks: not by the function that is tested. */
export function hmac(hash: 'sha1' | 'sha256', key: Buffer | string, text: Buffer): Buffer {
  const block = Buffer.alloc(64);
  Buffer.from(key).copy(block);
  const digest = (pad: number, rest: Buffer): Buffer =>
    createHash(hash)
      .update(block.map((byte) => byte ^ pad))
      .update(rest)
      .digest();
  return digest(0x5c, digest(0x36, text));
}

export const basic = (text: string) => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});

/** The field `signature` of a post of Mailgun. */
export const mailgunSignature = (at: number, key: string) => ({
  ...{ timestamp: String(at), token: 'tok' },
  signature: hmac('sha256', key, Buffer.from(`${at}tok`)).toString('hex'),
});

/** `signed` is the URL and the fields of the form. */
export const mandrillHeaders = (signed: string, key: string) => ({
  'x-mandrill-signature': hmac('sha1', key, Buffer.from(signed)).toString('base64'),
});

export const standardHeaders = (at: number, body: Buffer, key: string, prefix = 'webhook') => ({
  [`${prefix}-id`]: 'msg_1',
  [`${prefix}-timestamp`]: String(at),
  [`${prefix}-signature`]: `v1a,xxx v1,AAAA v1,${hmac(
    'sha256',
    key,
    Buffer.concat([Buffer.from(`msg_1.${at}.`), body]),
  ).toString('base64')}`,
});

export const sendgridHeaders = (at: number, body: Buffer) => ({
  'x-twilio-email-event-webhook-timestamp': String(at),
  'x-twilio-email-event-webhook-signature': sign(
    'sha256',
    Buffer.concat([Buffer.from(String(at)), body]),
    ec.privateKey,
  ).toString('base64'),
});

export const postalSignature = (digest: 'sha1' | 'sha256', body: Buffer): string =>
  sign(digest, body, rsa.privateKey).toString('base64');
