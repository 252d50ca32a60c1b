import type { Command } from 'commander';
import { program } from '../../src/cli/program';

/** Commands that run until they are stopped, and log; and one that prints a script. */
const WITHOUT_JSON = ['efs run', 'efs ingest serve', 'efs ingest kafka', 'efs completion'];

/** Every command with the words that call it. */
function commandsOf(command: Command, words = command.name()): [string, Command][] {
  const inner = command.commands.flatMap((each) => commandsOf(each, `${words} ${each.name()}`));
  return [[words, command], ...inner];
}

const commands = commandsOf(program());
/** Those that do something: the others only hold commands. */
const acting = commands.filter(
  ([, { commands: inner, registeredArguments }]) =>
    inner.length === 0 || registeredArguments.length > 0 || inner.some((each) => each.name() === 'drop'),
);

describe('the command line', () => {
  test.each(acting.map(([words, command]) => [words, command] as const))(
    '%s prints JSON where it prints',
    (words, command) => {
      const hasJson = command.options.some(({ long }) => long === '--json');
      expect(hasJson).toBe(!WITHOUT_JSON.includes(words));
    },
  );

  test.each(commands.map(([words, command]) => [words, command] as const))(
    '%s has an example in its help',
    (words, command) => {
      let help = '';
      command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
      expect(help).toMatch(new RegExp(`Example:\\n(  \\$ .*\\n)*  \\$ .*\\b${words}`));
    },
  );
});
