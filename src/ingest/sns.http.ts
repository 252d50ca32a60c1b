import { isCertificateUrl, isOfSns, isSignedBySns, type Sns } from './sns';

const FETCH_TIMEOUT_MS = 2_500;
const BYTES_MAX = 64 * 1024;
/** Certificates are replaced about once a year, and each region has its own. */
const CERTIFICATES_MAX = 32;

/** Gets a URL, bounded in time and size. Throws where there is no answer, or another one than 200. */
export type Get = (url: string) => Promise<string>;

export const get: Get = async (url) => {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new Error('the answer is too long');
  }
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return Buffer.concat(chunks).toString('utf8');
};

/** Verifies messages of SNS; certificates are fetched from Amazon once. */
export function openSns(request: Get = get): Sns {
  const certificates = new Map<string, Promise<string>>();
  const certificateAt = (url: string): Promise<string> => {
    const known = certificates.get(url);
    if (known !== undefined) return known;
    const fetched = request(url);
    fetched.catch(() => certificates.delete(url));
    const [oldest] = certificates.keys();
    if (certificates.size >= CERTIFICATES_MAX && oldest !== undefined) certificates.delete(oldest);
    certificates.set(url, fetched);
    return fetched;
  };
  return {
    async isGenuine(message, topics) {
      // A valid signature does not prove that it is a topic of ours: the list does.
      if (!topics.includes(message.topicArn) || !isCertificateUrl(message.certificateUrl)) return false;
      return isSignedBySns(message, await certificateAt(message.certificateUrl));
    },
    async confirm({ subscribeUrl }) {
      if (!isOfSns(subscribeUrl)) throw new Error('the address of the confirmation is not one of Amazon SNS');
      await request(subscribeUrl);
    },
  };
}
