import { createHmac, sign } from 'node:crypto';
import { type Auth, provenByBody, provenByHeaders } from '../../src/ingest/auth';
import { publicKey, type SignedRequest } from '../../src/ingest/signatures';
import { delivered, sampleDoor } from './sample-door';
import {
  basic,
  ec,
  hmac,
  inline,
  mailgunSignature,
  mandrillHeaders,
  postalSignature,
  rsa,
  sendgridHeaders,
  standardHeaders,
} from './signers';

const NOW = Date.UTC(2026, 10, 25);
const SECONDS = NOW / 1000;
const MINUTES = 60;
const BODY = Buffer.from('{"a":"ü"}');

const request = (headers: SignedRequest['headers'], body: Buffer = BODY): SignedRequest => ({
  headers,
  body,
});

describe('what headers prove', () => {
  const secrets = ['old', 'new'];
  it.each<[string, Auth, SignedRequest['headers'], boolean]>([
    ['basic, user and password', { kind: 'basic', secrets: ['u:p:q'] }, basic('u:p:q'), true],
    ['basic, another user', { kind: 'basic', secrets: ['u:p'] }, basic('v:p'), false],
    ['basic, the password of any user', { kind: 'basic', secrets }, basic('any:new'), true],
    ['basic, the old password', { kind: 'basic', secrets }, basic('any:old'), true],
    ['basic, a beginning of it', { kind: 'basic', secrets }, basic('any:ol'), false],
    ['basic, nothing', { kind: 'basic', secrets }, {}, false],
    ['bearer', { kind: 'bearer', secrets }, { authorization: 'bearer new' }, true],
    ['bearer as basic', { kind: 'bearer', secrets }, basic('any:new'), false],
    ['a password as bearer', { kind: 'password', secrets }, { authorization: 'Bearer old' }, true],
    ['a password as basic', { kind: 'password', secrets }, basic('u:old'), true],
    ['a header', { kind: 'header', header: 'x-token', secrets }, { 'x-token': 'new' }, true],
    ['a header, absent', { kind: 'header', header: 'x-token', secrets }, {}, false],
    ['none', { kind: 'none' }, {}, true],
  ])('%s: %#', (_, auth, headers, wanted) => {
    expect(provenByHeaders(auth, { headers })).toBe(wanted);
  });
});

const mailgun = (at: number, key = 'mg-key') =>
  Buffer.from(JSON.stringify({ signature: mailgunSignature(at, key) }));
const mandrill = (key: string) => ({
  body: Buffer.from(`z=last&mandrill_events=${encodeURIComponent('[]')}`),
  headers: mandrillHeaders('https://efs.example.org/in/mdmandrill_events[]zlast', key),
});
const standard = (at: number, prefix = 'webhook', key = 'resend-key') =>
  standardHeaders(at, BODY, key, prefix);
const sendgrid = (at: number, body = BODY) => sendgridHeaders(at, body);
const whsec = `whsec_${Buffer.from('resend-key').toString('base64')}`;
const hex = { kind: 'hmac', header: 'x-signature', encoding: 'hex', secrets: ['old', 'new'] } as const;
const MD = { kind: 'mandrill', url: 'https://efs.example.org/in/md', secrets: ['old', 'md-key'] } as const;
const MG = { kind: 'mailgun', secrets: ['old', 'mg-key'] } as const;
const SW = { kind: 'standard-webhooks', secrets: [whsec] } as const;
const SG = { kind: 'sendgrid', keys: [publicKey(inline(ec.publicKey))] } as const;
const PO = { kind: 'postal', keys: [publicKey(inline(rsa.publicKey))] } as const;
const mac = (key: string, encoding: 'hex' | 'base64') => hmac('sha256', key, BODY).toString(encoding);
const postal = (digest: 'sha1' | 'sha256', body = BODY) => postalSignature(digest, body);

describe('what signatures prove', () => {
  it.each<[string, Exclude<Auth, { kind: 'sns' }>, SignedRequest, boolean]>([
    ['hmac, hex', hex, request({ 'x-signature': mac('new', 'hex') }), true],
    ['hmac, hex with its name', hex, request({ 'x-signature': `sha256=${mac('old', 'hex')}` }), true],
    ['hmac, base64', { ...hex, encoding: 'base64' }, request({ 'x-signature': mac('new', 'base64') }), true],
    ['hmac of another body', hex, request({ 'x-signature': mac('new', 'hex') }, Buffer.from('x')), false],
    ['hmac by another key', hex, request({ 'x-signature': mac('other', 'hex') }), false],
    ['hmac, cut', hex, request({ 'x-signature': mac('new', 'hex').slice(0, 62) }), false],
    ['hmac, absent', hex, request({}), false],
    ['mailgun', MG, request({}, mailgun(SECONDS - 600)), true],
    ['mailgun, a retry of hours ago', MG, request({}, mailgun(SECONDS - 8 * 60 * MINUTES)), true],
    ['mailgun, of two days ago', MG, request({}, mailgun(SECONDS - 48 * 60 * MINUTES)), false],
    ['mailgun, of the future', MG, request({}, mailgun(SECONDS + 600)), false],
    ['mailgun by another key', MG, request({}, mailgun(SECONDS, 'other')), false],
    ['mailgun, no JSON', MG, request({}, Buffer.from('{')), false],
    ['mandrill', MD, request(mandrill('md-key').headers, mandrill('md-key').body), true],
    ['mandrill by another key', MD, request(mandrill('x').headers, mandrill('x').body), false],
    ['mandrill at another URL', { ...MD, url: 'https://x' }, { ...mandrill('md-key') }, false],
    ['standard webhooks', SW, request(standard(SECONDS - 299)), true],
    ['standard webhooks by Svix', SW, request(standard(SECONDS, 'svix')), true],
    ['standard webhooks, old', SW, request(standard(SECONDS - 301)), false],
    ['standard webhooks by another key', SW, request(standard(SECONDS, 'webhook', 'x')), false],
    ['standard webhooks of another body', SW, request(standard(SECONDS), Buffer.from('x')), false],
    ['sendgrid', SG, request(sendgrid(SECONDS)), true],
    ['sendgrid, of two days ago', SG, request(sendgrid(SECONDS - 48 * 60 * MINUTES)), false],
    ['sendgrid of another body', SG, request(sendgrid(SECONDS, Buffer.from('x'))), false],
    ['sendgrid, absent', SG, request({}), false],
    ['postal, SHA-256', PO, request({ 'x-postal-signature-256': postal('sha256') }), true],
    ['postal, SHA-1', PO, request({ 'x-postal-signature': postal('sha1') }), true],
    [
      'postal of another body',
      PO,
      request({ 'x-postal-signature': postal('sha1', Buffer.from('x')) }),
      false,
    ],
  ])('%s: %#', async (_, auth, signed, wanted) => {
    expect(await provenByBody(auth, signed, NOW)).toBe(wanted);
  });

  it('agree with the published example of HMAC-SHA256 (RFC 4231, case 2)', () => {
    const published = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    const text = Buffer.from('what do ya want for nothing?');
    expect(hmac('sha256', 'Jefe', text).toString('hex')).toBe(published);
    expect(createHmac('sha256', 'Jefe').update(text).digest('hex')).toBe(published);
  });
});

describe('messages of Amazon SNS', () => {
  const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:ses-events';
  const HOST = 'https://sns.eu-west-1.amazonaws.com';
  const CERTIFICATE = `${HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem`;
  const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString();

  const message = (type: string, own: Record<string, string> = {}) => {
    const fields: Record<string, string> = {
      ...{ Type: type, MessageId: 'id', TopicArn: TOPIC, Timestamp: '2026-11-25T00:00:00.000Z' },
      Message: JSON.stringify(delivered('m1')),
      SignatureVersion: '2',
      SigningCertURL: CERTIFICATE,
      ...(type === 'Notification' ? {} : { Token: 't', SubscribeURL: `${HOST}/?Action=ConfirmSubscription` }),
      ...own,
    };
    const order =
      type === 'Notification'
        ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
        : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
    const text = order.flatMap((name) => (fields[name] === undefined ? [] : [`${name}\n${fields[name]}\n`]));
    const digest = fields['SignatureVersion'] === '1' ? 'sha1' : 'sha256';
    const signature = sign(digest, Buffer.from(text.join('')), rsa.privateKey).toString('base64');
    return { ...fields, Signature: signature };
  };
  const open = () => {
    const got: string[] = [];
    const get = async (url: string): Promise<string> => {
      got.push(url);
      return pem;
    };
    return { got, ...sampleDoor({ auth: { kind: 'sns', topics: [TOPIC] }, get }) };
  };

  it('are taken where Amazon signed them for a topic of the list; its certificate is fetched once', async () => {
    const { post, got } = open();
    const statuses = [];
    for (const version of ['1', '2']) {
      const signed = message('Notification', { SignatureVersion: version, Subject: 's' });
      statuses.push((await post(signed, { 'content-type': 'text/plain; charset=UTF-8' })).status);
    }
    expect([statuses, got]).toEqual([[200, 200], [CERTIFICATE]]);
  });

  it.each([
    ['of another topic', { ...message('Notification', { TopicArn: `${TOPIC}-other` }) }],
    ['that were changed', { ...message('Notification'), Message: '{}' }],
    [
      'with a certificate from elsewhere',
      message('Notification', { SigningCertURL: 'https://example.org/x.pem' }),
    ],
    [
      'with a certificate from a host that only begins like Amazon',
      message('Notification', { SigningCertURL: CERTIFICATE.replace('.com', '.com.example.org') }),
    ],
    ['that are none', { hello: 'world' }],
  ])('%s are refused, and nothing is fetched from strangers', async (_, body) => {
    const { post, got, records } = open();
    expect((await post(body)).status).toBe(401);
    expect(got.filter((url) => url !== CERTIFICATE)).toEqual([]);
    expect(records).toEqual([]);
  });

  it('that ask for a confirmation are confirmed at Amazon, and nowhere else', async () => {
    const { post, got } = open();
    expect((await post(message('SubscriptionConfirmation'))).status).toBe(200);
    expect(got).toEqual([CERTIFICATE, `${HOST}/?Action=ConfirmSubscription`]);
    const elsewhere = message('SubscriptionConfirmation', { SubscribeURL: 'https://example.org/' });
    expect((await post(elsewhere)).status).toBe(503);
    expect(got).toHaveLength(2);
  });
});
