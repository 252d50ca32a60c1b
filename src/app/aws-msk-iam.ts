import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Token } from '../kafka/token';

/** The part of the package `aws-msk-iam-sasl-signer-js` that is used. `expiryTime` is in milliseconds since 1970. */
export interface MskSigner {
  generateAuthToken(options: { region: string }): Promise<{ token: string; expiryTime: number }>;
}

/** An optional peer dependency, loaded only where it is used. A rule of the settings checks that it is installed. */
const installed = (): Promise<MskSigner> => import('aws-msk-iam-sasl-signer-js') as Promise<MskSigner>;

/**
 * Signs tokens for Amazon MSK with the credentials that the AWS SDK finds (environment, profile, container or instance),
 * for SASL OAUTHBEARER. Rejects with `token-unavailable` where the signer fails.
 */
export function mskTokens(region: string, load = installed, clock = systemClock): () => Promise<Token> {
  return async () => {
    const signer = await load();
    try {
      const { token, expiryTime } = await signer.generateAuthToken({ region });
      return { value: token, lifetimeMs: expiryTime - clock.now() };
    } catch (cause) {
      throw new EfsError('token-unavailable', `AWS signer: ${(cause as Error).message}`, { cause });
    }
  };
}
