import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completionScript } from '../../src/cli/completion';
import type { Shell } from '../../src/cli/completion-scripts';
import { program } from '../../src/cli/program';
import { FORMATS } from '../../src/mta/formats';

const FORMAT_NAMES = FORMATS.map(({ name }) => name);

/** What a line offers at its end; null is the name of a file. */
const OFFERED: readonly (readonly [string, readonly string[] | null])[] = [
  ['efs pro', ['promote']],
  ['efs --v', ['--version']],
  ['efs config ', ['check', 'print']],
  ['efs config print --kafka-s', ['--kafka-sasl']],
  ['efs run --http-port 1 --policy ', ['efs', 'relay']],
  ['efs run --policy r', ['relay']],
  ['efs simulate --as postf', ['postfix']],
  ['efs dead-letters list --al', ['--all']],
  ['efs ingest dead-letters --so', ['--source']],
  ['efs completion ', ['bash', 'zsh', 'fish']],
  ['efs run --config ', null],
  ['efs run --http-port ', null],
  ['efs dead-letters list --reason key', ['key-mismatch']],
  ['efs ingest redrive kumomta --reason un', ['unknown-event', 'unmatched']],
  ['efs run --pipelines ', ['kpi', 'status']],
  ['efs ingest --dry-run --zone Z kum', ['kumomta']],
  ['efs ingest kumomta ', null],
  ['efs ingest explain ', FORMAT_NAMES],
  ['efs ingest explain kumomta ', null],
];

/** Programs that print what the script, in the file $EFS_SCRIPT, offers for the words in the list. */
const ASK: Readonly<Record<Shell, (line: string) => string>> = {
  bash: (line) => {
    const words = line.split(' ');
    return `. "$EFS_SCRIPT"; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _efs; [[ "$(complete -p efs)" == *'-o default'*'-F _efs efs' ]] && printf '%s\n' "\${COMPREPLY[@]:-(file)}"`;
  },
  zsh: (line) => {
    const words = line.split(' ');
    return `compdef() { :; }; compadd() { shift; print -l -- "$@" }; _files() { print '(file)' }
      _describe() { [[ $1 == -o ]] && shift; print -l -- "\${\${(P)2}[@]%%:*}" }
      . "$EFS_SCRIPT"; words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}
      last="\${words[CURRENT]}"; print -l -- "\${(@M)\${(f)"$(_efs)"}:#(\\(file\\)|\${last}*)}"`;
  },
  fish: (line) => `source $EFS_SCRIPT; complete -C '${line}' | string replace -r '\t.*' ''`,
};

const isThere = (shell: Shell): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe.each<Shell>(['bash', 'zsh', 'fish'])('the completion script of %s', (shell) => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-completion-'));
  const inside = join(folder, 'inside');
  const script = join(inside, 'efs');
  beforeAll(async () => {
    mkdirSync(inside);
    writeFileSync(script, completionScript(await program('completion'), shell));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const env = { ...process.env, EFS_SCRIPT: script, HOME: folder, XDG_CONFIG_HOME: folder };
  const onShell = isThere(shell) ? test : test.skip;

  const offers = (line: string): readonly string[] => {
    const flags = shell === 'zsh' ? ['-f', '-c'] : ['-c'];
    const { stdout, stderr } = spawnSync(shell, [...flags, ASK[shell](line)], {
      env,
      cwd: inside,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return stdout.trim().split('\n').sort();
  };

  onShell('offers all commands', async () => {
    const all = (await program()).commands.map((command) => command.name());
    expect(all.length).toBeGreaterThan(10);
    expect(offers('efs ')).toEqual(all.sort());
  });

  onShell('offers the commands of `efs ingest` and the names of formats beside each other', async () => {
    const [ingest] = (await program('ingest')).commands;
    const inner = ingest?.commands.map((command) => command.name()) ?? [];
    expect(inner).toContain('serve');
    expect(offers('efs ingest ')).toEqual([...inner, ...FORMAT_NAMES].sort());
  });

  onShell.each(OFFERED)('offers for "%s": %j', (line, wanted) => {
    // fish offers the names themselves: here that of the script.
    expect(offers(line)).toEqual(
      wanted === null ? [shell === 'fish' ? 'efs' : '(file)'] : [...wanted].sort(),
    );
  });
});
