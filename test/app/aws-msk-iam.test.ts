import { mskTokens } from '../../src/app/aws-msk-iam';
import { virtualClock } from '../support/clock';

// With a fake signer: the package is an optional peer dependency, and Amazon's servers are out of reach of tests.
describe('tokens for Amazon MSK', () => {
  const clock = virtualClock();

  it('come from the signer for the region, with their lifetime', async () => {
    const signer = {
      generateAuthToken: async ({ region }: { region: string }) => ({
        token: `signed for ${region}`,
        expiryTime: clock.now() + 900_000,
      }),
    };
    const token = mskTokens('eu-west-1', async () => signer, clock);
    expect(await token()).toEqual({ value: 'signed for eu-west-1', lifetimeMs: 900_000 });
  });

  it('are unavailable where the signer finds no credentials', async () => {
    const signer = { generateAuthToken: () => Promise.reject(new Error('Could not load credentials')) };
    await expect(mskTokens('eu-west-1', async () => signer, clock)()).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'AWS signer: Could not load credentials',
    });
  });
});
