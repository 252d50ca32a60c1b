import { verify } from 'node:crypto';
import { type Json, parseJson, text, field, isObject } from '../mta/json';

/** Hosts of Amazon SNS. */
const HOST = /^sns\.[a-z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?$/u;
const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** A message of SNS, not verified. */
export interface SnsMessage {
  readonly type: string;
  readonly topicArn: string;
  /** The text that is signed. */
  readonly signed: string;
  readonly version: string;
  readonly signature: string;
  readonly certificateUrl: string;
  /** Only of subscriptions to be confirmed. */
  readonly subscribeUrl: string;
}

/** Messages of SNS: whether they are Amazon's, and what confirms a subscription. */
export interface Sns {
  /** Whether Amazon has signed the message for one of the topics. Throws where its certificate cannot be fetched. */
  isGenuine(message: SnsMessage, topics: readonly string[]): Promise<boolean>;
  /** Confirms a subscription of a genuine message. Throws where that fails. */
  confirm(message: SnsMessage): Promise<void>;
}

const named = (body: Json, name: string): string => text(field(body, name)) ?? '';

function parsed(body: Buffer): Json {
  try {
    return parseJson(body.toString('utf8'));
  } catch {
    return null;
  }
}

/** The message that a body holds; null where it holds none. */
export function snsMessage(body: Buffer): SnsMessage | null {
  const json = parsed(body);
  const type = named(json, 'Type');
  if (!isObject(json) || type === '') return null;
  const names = type === 'Notification' ? NOTIFICATION : CONFIRMATION;
  const signed = names
    .filter((name) => typeof json[name] === 'string')
    .map((name) => `${name}\n${named(json, name)}\n`);
  return {
    type,
    topicArn: named(json, 'TopicArn'),
    signed: signed.join(''),
    version: named(json, 'SignatureVersion'),
    signature: named(json, 'Signature'),
    certificateUrl: named(json, 'SigningCertURL'),
    subscribeUrl: named(json, 'SubscribeURL'),
  };
}

/** Whether a URL is one of Amazon SNS: https, its host, its usual port. */
export function isOfSns(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username } = new URL(url);
  return protocol === 'https:' && port === '' && username === '' && HOST.test(hostname);
}

/** Whether a URL is that of a certificate of SNS. */
export const isCertificateUrl = (url: string): boolean =>
  isOfSns(url) && /^\/SimpleNotificationService-[0-9a-f]{16,64}\.pem$/u.test(new URL(url).pathname);

/** Whether the owner of the certificate (PEM) has signed the message: version 1 by SHA-1, 2 by SHA-256. */
export function isSignedBySns(message: SnsMessage, certificate: string): boolean {
  const digest = { '1': 'sha1', '2': 'sha256' }[message.version];
  if (digest === undefined) return false;
  try {
    return verify(digest, Buffer.from(message.signed), certificate, Buffer.from(message.signature, 'base64'));
  } catch {
    return false;
  }
}
