import { EfsError } from '../../../src/base/errors';
import { configFrom, type Environment, settings as allSettings } from '../../../src/settings/config';
import { variableOf } from '../../../src/settings/table';
import { allowing, inFewWords, type Target } from '../target';

/** The text of a setting at its default, where that is not empty; else something that may be right. */
const lineOf = ([name, { fallback }]: (typeof allSettings)[number]): string =>
  `${variableOf(name)}=${fallback === '' ? 'redis+sentinel://u:p@a:1,b:2/n?x=1' : fallback}`;

/** Lines of NAME=text. Files are of the operator's own choice, and are not read here. */
function environmentFrom(input: Buffer): Environment {
  const lines = input.toString('utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      const name = line.slice(0, at);
      return at < 0 || name.endsWith('_FILE') ? [] : [[name, line.slice(at + 1)]];
    }),
  );
}

/** Settings: each text gives a configuration, or an error that names the setting. */
export const settings: Target = {
  name: 'settings',
  maxMs: 200,
  maxBytes: 32 << 10,
  open: async () => ({
    seeds: [
      ...allSettings.map((each) => Buffer.from(lineOf(each))),
      Buffer.from(allSettings.map(lineOf).join('\n')),
    ],
    run(input) {
      const environment = environmentFrom(input);
      const outcome = allowing(
        (error) =>
          error instanceof EfsError && error.code === 'config-invalid' && error.message.includes('EFS_'),
        () => configFrom(environment),
      );
      return 'value' in outcome ? 'valid' : inFewWords(outcome.refused.slice(0, 60));
    },
  }),
};
