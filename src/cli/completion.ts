import { Argument, Command, type Option } from 'commander';
import { type SettingName, SETTINGS } from '../settings/table';
import { type CompletedCommand, type CompletedFlag, SCRIPTS, type Shell } from './completion-scripts';
import { addExample } from './options';

/** The few values of a flag: its own, or those of the setting that it is. */
function choicesOf(option: Option): readonly string[] {
  const setting = SETTINGS[option.attributeName() as SettingName] as
    { choices?: readonly string[] } | undefined;
  return option.argChoices ?? setting?.choices ?? [];
}

/** Variables and defaults stand in parentheses at the end of a description. */
const inShort = (description: string): string => description.split(' (', 1)[0] ?? '';

const flagsOf = (command: Command): CompletedFlag[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flag: option.long ?? option.short ?? '',
      description: inShort(option.description),
      takesValue: option.required || option.optional,
      choices: choicesOf(option),
    }));

/** A command and those in it, as a completion needs them; `at` has the words that call it. */
function completed(command: Command, at: string): CompletedCommand[] {
  const { commands, registeredArguments } = command;
  return [
    {
      at,
      words: [
        ...commands.map((each) => ({ word: each.name(), description: inShort(each.description()) })),
        ...(registeredArguments[0]?.argChoices ?? []).map((word) => ({ word, description: '' })),
      ],
      flags: flagsOf(command),
      takesArguments: registeredArguments.length > 0,
    },
    ...commands.flatMap((each) => completed(each, `${at} ${each.name()}`)),
  ];
}

/** The script that completes a whole command line in a shell. */
export const completionScript = (root: Command, shell: Shell): string => SCRIPTS[shell](completed(root, ''));

/** `efs completion`. */
export const completionCommand = (): Command =>
  addExample(
    new Command('completion')
      .addArgument(new Argument('<shell>', 'the shell that reads it').choices(Object.keys(SCRIPTS)))
      .action((shell: Shell, _: unknown, { parent }: Command) => {
        if (parent !== null) process.stdout.write(completionScript(parent, shell));
      }),
    'eval "$(efs completion bash)"',
    'source <(efs completion zsh)',
    'efs completion fish | source',
  );
