import type { Command } from 'commander';
import { program } from '../../src/cli/program';

/** Commands that run until they are stopped, and log; and one that prints a script. */
const WITHOUT_JSON = ['efs run', 'efs ingest serve', 'efs ingest kafka', 'efs completion'];

/** Every command with the words that call it. */
function commandsOf(command: Command, words = command.name()): [string, Command][] {
  const inner = command.commands.flatMap((each) => commandsOf(each, `${words} ${each.name()}`));
  return [[words, command], ...inner];
}

describe('the command line', () => {
  let commands: readonly [string, Command][] = [];
  beforeAll(async () => {
    commands = commandsOf(await program('completion'));
  });

  it('has --json in every command that prints, and in no other', () => {
    // Those that do something: the others only hold commands.
    const acting = commands.filter(
      ([, { commands: inner, registeredArguments }]) =>
        inner.length === 0 || registeredArguments.length > 0 || inner.some((each) => each.name() === 'drop'),
    );
    const without = acting.filter(([, { options }]) => options.every(({ long }) => long !== '--json'));
    expect(acting.length).toBeGreaterThan(20);
    expect(without.map(([words]) => words)).toEqual(WITHOUT_JSON);
  });

  it('has an example in the help of every command', () => {
    const lacking = commands.filter(([words, command]) => {
      let help = '';
      command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
      return !new RegExp(`Example:\\n(  \\$ .*\\n)*  \\$ .*\\b${words}`).test(help);
    });
    expect(lacking.map(([words]) => words)).toEqual([]);
  });

  it('has all commands where none is called, whatever else the word names', async () => {
    for (const word of ['constructor', 'toString', '--version'])
      expect((await program(word)).commands.map((each) => each.name())).toHaveLength(15);
  });

  it('loads the called command alone, which is the same as among all', async () => {
    for (const [words, command] of commands.filter(([each]) => /^efs \S+$/.test(each))) {
      const name = command.name();
      const [alone, ...others] = (await program(name)).commands;
      if (name === 'completion') continue;
      expect([words, alone?.name(), others]).toEqual([words, name, []]);
      expect(alone?.helpInformation()).toBe(command.helpInformation());
    }
  });
});
