export interface CompletedFlag {
  /** `--policy` */
  readonly flag: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** The values that it takes, where they are few. */
  readonly choices: readonly string[];
}

/** A command, and what may follow it. */
export interface CompletedCommand {
  /** The words that call it, each with a blank before it: ` config print`; empty for `efs` itself. */
  readonly at: string;
  /** Commands, and values of the first argument where they are few. */
  readonly words: readonly { readonly word: string; readonly description: string }[];
  readonly flags: readonly CompletedFlag[];
  readonly takesArguments: boolean;
}

export type Shell = 'bash' | 'zsh' | 'fish';

/** The text as one word of bash and zsh. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The text as one word of fish. */
const quotedInFish = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/** Every command that others stand in, as a pattern of bash and zsh. */
const callsOf = (commands: readonly CompletedCommand[]): string =>
  commands
    .filter(({ at }) => at !== '')
    .map(({ at }) => quoted(at))
    .join(' | ');

/** Cases by command and flag, for flags with few values: those of equal values in one. */
function choiceCases(commands: readonly CompletedCommand[], act: (words: string) => string): string {
  const cases = new Map<string, string[]>();
  for (const { at, flags } of commands) {
    for (const { flag, choices } of flags.filter((each) => each.choices.length > 0)) {
      const words = choices.join(' ');
      cases.set(words, [...(cases.get(words) ?? []), quoted(`${at} ${flag}`)]);
    }
  }
  return [...cases].map(([words, patterns]) => `    ${patterns.join(' | ')}) ${act(words)} ;;`).join('\n');
}

/** Flags that a value follows, each between blanks. */
const valued = ({ flags }: CompletedCommand): string =>
  ` ${flags.flatMap(({ flag, takesValue }) => (takesValue ? [flag] : [])).join(' ')} `;

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map((command) => {
    const { at, words, flags, takesArguments } = command;
    const names = flags.map(({ flag }) => flag).join(' ');
    const first = words.map(({ word }) => word).join(' ');
    const offered = first === '' && !takesArguments ? names : first;
    return `    ${quoted(at)}) words=${quoted(offered)} flags=${quoted(names)} valued=${quoted(valued(command))} ;;`;
  });
  return `# Completes efs in bash.
_efs() {
  local at='' words='' flags='' valued='' i from=1
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${callsOf(commands)}) at="$at \${COMP_WORDS[i]}" from=$((i + 1)) ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  # What follows the first argument are names of files.
  for ((i = from; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in -*) continue ;; esac
    case "$valued" in *" \${COMP_WORDS[i - 1]} "*) ;; *) words='' ;; esac
  done
  case "$at $prev" in
${choiceCases(commands, (words) => `words=${quoted(words)} flags='' valued=''`)}
  esac
  # Nothing offered: bash completes the name of a file.
  case "$valued" in *" $prev "*) return ;; esac
  case "$cur" in -*) words="$flags" ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _efs efs
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = (word: string, description: string): string =>
    quoted(`${word.replaceAll(':', '\\:')}:${description}`);
  const cases = commands.map((command) => {
    const offered = command.words.map(({ word, description }) => described(word, description));
    const flags = command.flags.map(({ flag, description }) => described(flag, description));
    return [
      `    ${quoted(command.at)})`,
      `      offered=(${offered.join(' ')})`,
      `      flags=(${flags.join(' ')})`,
      `      valued=${quoted(valued(command))} ;;`,
    ].join('\n');
  });
  return `#compdef efs
# Completes efs in zsh.
_efs() {
  local at='' valued='' i from=2
  local -a offered flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
    ${callsOf(commands)}) at="$at \${words[i]}" from=$((i + 1)) ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  # What follows the first argument are names of files.
  for ((i = from; i < CURRENT; i++)); do
    [[ "\${words[i]}" == -* || "$valued" == *" \${words[i - 1]} "* ]] || offered=()
  done
  case "$at \${words[CURRENT - 1]}" in
${choiceCases(commands, (words) => `compadd -- ${words}; return`)}
  esac
  if [[ "$valued" == *" \${words[CURRENT - 1]} "* ]]; then _files
  elif [[ "\${words[CURRENT]}" == -* ]]; then _describe -o option flags
  elif (( \${#offered} )); then _describe command offered
  else _files
  fi
}
if [[ "\${funcstack[1]}" == _efs ]]; then
  _efs "$@"
else
  (( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit }
  compdef _efs efs
fi
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ at, words, flags }) => {
    const on = (test: string): string => `complete -c efs -n ${quotedInFish(`${test} "${at}"`)}`;
    const [first, here] = [on('__efs_first'), on('__efs_at')];
    return [
      ...words.map(({ word, description }) => `${first} -f -a ${word} -d ${quotedInFish(description)}`),
      ...flags.map(({ flag, description, takesValue, choices }) => {
        const few = choices.length > 0 ? ` -x -a ${quotedInFish(choices.join(' '))}` : ' -r';
        return `${here} -l ${flag.slice(2)}${takesValue ? few : ''} -d ${quotedInFish(description)}`;
      }),
    ];
  });
  const calls = commands.flatMap(({ at }) => (at === '' ? [] : [quotedInFish(at)]));
  const cases = commands
    .filter(({ words }) => words.length > 0)
    .map((command) => `    case ${quotedInFish(command.at)}\n      set valued${valued(command)}`);
  return `# Completes efs in fish.
function __efs_at
  set -l at ''
  set -l line (commandline -opc)
  set -g __efs_rest
  for word in $line[2..-1]
    switch "$at $word"
      case ${calls.join(' ')}
        set at "$at $word"
        set __efs_rest
      case '*'
        set -a __efs_rest $word
    end
  end
  test "$at" = "$argv[1]"
end
# What follows the first argument are names of files.
function __efs_first
  __efs_at $argv[1]; or return 1
  set -l valued
  set -l before ''
  switch $argv[1]
${cases.join('\n')}
  end
  for word in $__efs_rest
    string match -q -- '-*' $word; or contains -- $before $valued; or return 1
    set before $word
  end
  return 0
end
complete -c efs -e
${lines.join('\n')}
`;
}

/** How the script of each shell is made. */
export const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash,
  zsh,
  fish,
};
