import { KafkaJSError, type Mechanism } from 'kafkajs';
import { EfsError } from '../base/errors';

/** What ends the parts of a message (RFC 7628, 3.1). */
const SEPARATOR = '\x01';

/**
 * SASL OAUTHBEARER (RFC 7628). `token` is asked for at each log-in; `extensions` go with it. What `token` throws is the
 * cause of the error that kafkajs then gives, without attempts of its own.
 *
 * kafkajs has the mechanism too, but takes the broker's first answer for success where it is the refusal of the token.
 */
export function oauthBearer(
  token: () => Promise<string>,
  extensions: Readonly<Record<string, string>>,
): Mechanism {
  const pairs = Object.entries(extensions).map(([name, value]) => `${name}=${value}${SEPARATOR}`);
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const value = await token().catch((error: unknown) => Promise.reject(final(error as Error)));
        const exchange = (message: string): Promise<Buffer | void> =>
          saslAuthenticate({
            request: { encode: () => framed(message) },
            response: { decode: (raw) => raw.subarray(LENGTH_BYTES), parse: (data) => data },
          });
        const first = `n,,${SEPARATOR}auth=Bearer ${value}${SEPARATOR}${pairs.join('')}${SEPARATOR}`;
        const refusal = (await exchange(first))?.toString() ?? '';
        if (refusal === '') return;
        // The broker's error is the answer to this; until then it waits.
        await exchange(SEPARATOR);
        throw final(new EfsError('access-refused', `Kafka refuses the token: ${refusal.slice(0, 300)}`));
      },
    }),
  };
}

/** An error that kafkajs passes on at once. */
function final(cause: Error): KafkaJSError {
  return Object.assign(new KafkaJSError(cause, { retriable: false }), { cause });
}

const LENGTH_BYTES = 4;

/** Bytes after their length, as the protocol has them. */
function framed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const frame = Buffer.alloc(LENGTH_BYTES + bytes.length);
  frame.writeInt32BE(bytes.length);
  bytes.copy(frame, LENGTH_BYTES);
  return frame;
}
