import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { IN_CI } from '../support/ci';

const isThere = (tool: string, option: string): boolean => spawnSync(tool, [option]).status === 0;
const HAS_TOOLS = isThere('spin', '-V') && isThere(process.env['CC'] ?? 'cc', '--version');
// A minute and a half of both processors: in CI, and by `npm run model` before a change of the protocol.
if (!IN_CI) process.stderr.write('*** the models are searched in CI, and by npm run model\n');
else if (!HAS_TOOLS) process.stderr.write('*** the models are not searched: apt-get install spin gcc\n');

(IN_CI && HAS_TOOLS ? describe : describe.skip)('the models of the protocol', () => {
  it('violate an invariant under each rule with a known hole, and none under the new rules', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(__dirname, '..', '..', 'scripts', 'model.mjs')],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('lateness') });
  }, 900_000);
});
