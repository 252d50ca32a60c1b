import { Command } from 'commander';
import { type Promotion, promote } from '../generations/cutover';
import { changedSettings } from '../generations/generation';
import { besideWorkers } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, contextOf, stateId } from './options';
import { print } from './print';

/** The outcome of a promotion, and the settings that must be changed. */
export function promotionLine({ outcome, manifest, before }: Promotion): string {
  const { stateId, generation } = manifest;
  if (outcome === 'active-already') return `state ${stateId} is already active`;
  const back = `\`efs promote --generation ${before.stateId}\` goes back`;
  const switched = `state ${stateId} is active, its records carry generation ${generation}; ${back}`;
  const changed = changedSettings(before, manifest).map(({ name, is }) => `${name}=${forShell(is)}`);
  if (changed.length === 0) return switched;
  return `${switched}\nset ${changed.join(' ')} for all workers before their next start`;
}

const forShell = (value: string): string => (/^\w+$/.test(value) ? value : `'${value}'`);

async function run(options: { generation?: number; json?: true }, command: Command): Promise<void> {
  const promotion = await besideWorkers(contextOf(command), ({ cutOver, retry }) =>
    retry(() => promote(cutOver, options.generation ?? null)),
  );
  const { outcome, manifest, before } = promotion;
  const { stateId, generation } = manifest;
  const summary = { outcome, generation: stateId, publishedAs: generation, before: before.stateId };
  print(summary, options, () => [promotionLine(promotion)]);
}

/** `efs promote`. */
export function promoteCommand(): Command {
  const command = new Command('promote')
    .option(
      '--generation <n>',
      'id of the state, as `efs generations` lists it; default: the only candidate',
      stateId,
    )
    .option('--json', 'print JSON')
    .action(run);
  addSettings(command, ALL_SETTINGS);
  return addExample(command, 'efs promote --generation 1');
}
