import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

describe('the example of embedding', () => {
  it('prints how Success rises, and why a message is sent', async () => {
    const script = join(__dirname, '..', '..', 'examples', 'embed.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    const lines = stdout.trim().split('\n');
    expect(lines).toContain('spring-sale: 3 of 4 sent, Success 75 %');
    expect(lines.at(-1)).toMatch(
      /^m1: SENT\. The policy is EFS, as its relay event states\. The MTA reported /,
    );
  }, 30_000);
});
