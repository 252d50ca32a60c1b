import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Destination } from '../../src/simulation/sources/send';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { pollMs } from '../servers/child';
import {
  basic,
  ec,
  inline,
  mailgunSignature,
  mandrillHeaders,
  postalSignature,
  rsa,
  sendgridHeaders,
  standardHeaders,
} from './signers';

interface Request {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** How a provider proves itself: what its source's `auth` says, and what it adds to a request. */
export interface Proof {
  readonly auth: object;
  prove(body: string, source: SimulatedSource): Request;
}

export const PASSWORD = 'a password of the webhook';
const TOKEN = 'a-token-of-the-webhook';
const KEY = 'a key of the webhook';
const MANDRILL_URL = 'https://efs.example.org/in/mandrill';

const byPassword: Proof = {
  auth: { basic: PASSWORD },
  prove: (body) => ({ body, headers: basic(`efs:${PASSWORD}`) }),
};
const now = (): number => Math.floor(Date.now() / 1_000);

/** The providers that send requests, by the proofs that they offer. */
export const PROOFS: Readonly<Record<string, Proof>> = {
  sparkpost: byPassword,
  ses: {
    auth: { header: { name: 'X-Amz-Firehose-Access-Key', secret: TOKEN } },
    prove: (body) => ({ body, headers: { 'x-amz-firehose-access-key': TOKEN } }),
  },
  sendgrid: {
    auth: { sendgrid: inline(ec.publicKey) },
    prove: (body) => ({ body, headers: sendgridHeaders(now(), Buffer.from(body)) }),
  },
  mailgun: {
    auth: { mailgun: KEY },
    prove: (body) => ({
      body: JSON.stringify({ signature: mailgunSignature(now(), KEY), ...(JSON.parse(body) as object) }),
      headers: {},
    }),
  },
  postmark: byPassword,
  mailjet: byPassword,
  brevo: {
    auth: { bearer: TOKEN },
    prove: (body) => ({ body, headers: { authorization: `Bearer ${TOKEN}` } }),
  },
  resend: {
    auth: { 'standard-webhooks': `whsec_${Buffer.from(KEY).toString('base64')}` },
    prove: (body) => ({ body, headers: standardHeaders(now(), Buffer.from(body), KEY, 'svix') }),
  },
  mandrill: {
    auth: { mandrill: { url: MANDRILL_URL, secret: KEY } },
    prove: (body) => {
      const fields = [...new URLSearchParams(body)].flat().join('');
      return { body, headers: mandrillHeaders(`${MANDRILL_URL}${fields}`, KEY) };
    },
  },
  postal: {
    auth: { postal: inline(rsa.publicKey) },
    prove: (body) => ({
      body,
      headers: { 'x-postal-signature-256': postalSignature('sha256', Buffer.from(body)) },
    }),
  },
};

/** Requests with the proof of their provider, each sent again until it is answered with 200. */
export function provenRequests(
  source: SimulatedSource,
  proof: Proof,
  url: string,
  onAnswered: () => void,
): Destination {
  const { framing, name } = source;
  return {
    eventsMax: framing.eventsMax ?? 1,
    async send(events) {
      for (;;) {
        const { body, headers } = proof.prove(framing.body(events), source);
        const request = {
          method: 'POST',
          body,
          headers: { 'content-type': framing.contentType, ...headers },
        };
        const answer = await fetch(url, request).catch(() => null);
        if (answer?.status === 200) break;
        if (answer !== null && answer.status < 500)
          throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
        await pollMs(50);
      }
      onAnswered();
    },
    close: async () => undefined,
  };
}

/** A maildir that mails arrive in, as a mail server puts them there. */
export function toMaildir(path: string): Destination {
  for (const folder of ['new', 'cur', 'tmp']) mkdirSync(join(path, folder), { recursive: true });
  let count = 0;
  return {
    eventsMax: 1,
    async send([mail = '']) {
      const name = `${String(count++).padStart(6, '0')}.efs`;
      writeFileSync(join(path, 'tmp', name), mail);
      renameSync(join(path, 'tmp', name), join(path, 'new', name));
    },
    close: async () => undefined,
  };
}
