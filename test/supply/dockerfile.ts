import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** One stage: what it is made from, its name or an empty one, and its instructions. */
export interface Stage {
  readonly from: string;
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, without comments and with continued lines joined. */
export function stagesOf(text: string): Stage[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '');
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name !== 'FROM') {
      stages.at(-1)?.instructions.push({ name, rest });
      continue;
    }
    const [from = '', , as = ''] = rest.split(' ');
    stages.push({ from, name: as, instructions: [] });
  }
  return stages;
}

export interface Copy {
  /** The stage that it is copied from, or an empty name for the context. */
  readonly from: string;
  readonly sources: readonly string[];
  readonly to: string;
}

/** What a COPY instruction copies. */
export function copyOf(rest: string): Copy {
  const [, from = '', paths = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
  const all = paths.split(' ');
  return { from, sources: all.slice(0, -1), to: all.at(-1) ?? '' };
}

/** The files and folders that .dockerignore leaves in the context: it excludes all, then admits names. */
export function contextOf(ignore: string): string[] {
  const [all, ...admitted] = ignore.trim().split('\n');
  if (all !== '*' || admitted.some((line) => !line.startsWith('!'))) throw new Error('a form not read here');
  return admitted.map((line) => line.slice(1));
}

const assignments = (rest: string): Record<string, string> =>
  Object.fromEntries(
    [...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, a, b]) => [name, a ?? b]),
  );

/** The values of all instructions of one name in a stage: ENV, LABEL. */
export const valuesOf = (stage: Stage, name: string): Record<string, string> =>
  Object.assign(
    {},
    ...stage.instructions.filter((each) => each.name === name).map(({ rest }) => assignments(rest)),
  );

/** The last word of an instruction that holds: USER, ENTRYPOINT, HEALTHCHECK. */
export const lastOf = (stage: Stage, name: string): string =>
  stage.instructions.findLast((each) => each.name === name)?.rest ?? '';

/**
 * Carries the stages out in folders, as an engine would in containers: what is copied is copied, what is run is given to
 * `run`. Gives the working directory of the last stage.
 */
export async function carryOut(
  stages: readonly Stage[],
  context: string,
  folder: string,
  run: (command: string, cwd: string) => Promise<unknown>,
): Promise<string> {
  const places = new Map<string, string>();
  let workdir = '/';
  for (const [index, stage] of stages.entries()) {
    const place = join(folder, `${index}-${stage.name}`);
    places.set(stage.name, place);
    const parent = places.get(stage.from);
    mkdirSync(place);
    if (parent !== undefined) cpSync(parent, place, { recursive: true });
    for (const { name, rest } of stage.instructions) {
      if (name === 'WORKDIR') mkdirSync(join(place, (workdir = rest)), { recursive: true });
      if (name === 'RUN') await run(rest, join(place, workdir));
      if (name !== 'COPY') continue;
      const { from, sources, to } = copyOf(rest);
      for (const source of sources) {
        const target = to.endsWith('/') ? join(to, basename(source)) : to;
        cpSync(join(from === '' ? context : (places.get(from) ?? ''), source), join(place, workdir, target), {
          recursive: true,
          verbatimSymlinks: true,
        });
      }
    }
  }
  return join(folder, `${stages.length - 1}-${stages.at(-1)?.name ?? ''}`, workdir);
}

export const readStages = (root: string): Stage[] => stagesOf(readFileSync(join(root, 'Dockerfile'), 'utf8'));
