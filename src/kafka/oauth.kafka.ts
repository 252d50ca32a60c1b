import { KafkaJSError, type Mechanism } from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder';
import { EfsError } from '../base/errors';

/** Ends each part of a message (RFC 7628, 3.1). */
const SEPARATOR = '\x01';
/** Every message follows its length. */
const LENGTH_BYTES = 4;

/**
 * SASL OAUTHBEARER (RFC 7628). `token` is called at each log-in; `extensions` are sent with the token. An error of
 * `token` becomes the cause of the error that kafkajs throws, without retries.
 *
 * kafkajs has the mechanism too, but treats the broker's first answer as success where it refuses the token.
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
        const value = await token().catch((error: unknown) => Promise.reject(notRetriable(error as Error)));
        const exchange = (message: string): Promise<Buffer | void> =>
          saslAuthenticate({
            request: { encode: () => new Encoder().writeBytes(message).buffer },
            response: { decode: (raw) => raw.subarray(LENGTH_BYTES), parse: (data) => data },
          });
        const first = `n,,${SEPARATOR}auth=Bearer ${value}${SEPARATOR}${pairs.join('')}${SEPARATOR}`;
        const refusal = (await exchange(first))?.toString() ?? '';
        if (refusal === '') return;
        // The broker sends its error only after this message.
        await exchange(SEPARATOR);
        throw notRetriable(
          new EfsError('access-refused', `Kafka refuses the token: ${refusal.slice(0, 300)}`),
        );
      },
    }),
  };
}

/** An error that kafkajs throws without a retry. */
function notRetriable(cause: Error): KafkaJSError {
  return Object.assign(new KafkaJSError(cause, { retriable: false }), { cause });
}
