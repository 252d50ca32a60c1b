import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const isThere = (tool: string, option: string): boolean => spawnSync(tool, [option]).status === 0;
const HAS_TOOLS = isThere('spin', '-V') && isThere(process.env['CC'] ?? 'cc', '--version');
if (!HAS_TOOLS) process.stderr.write('*** the models are not searched: apt-get install spin gcc\n');

(HAS_TOOLS ? describe : describe.skip)('the models of the protocol', () => {
  it('violate an invariant under each rule with a known hole, and none under the new rules', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(__dirname, '..', '..', 'scripts', 'model.mjs')],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('lateness') });
  }, 900_000);
});
