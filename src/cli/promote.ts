import { Command } from 'commander';
import { type Promotion, promote } from '../generations/cutover';
import { besideWorkers } from '../app/offline-context';
import { untilInterrupted } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, commandLog, configOf, wholeNumber } from './options';
import { jsonLine } from './present';

/** What a promotion came to, and what is still to be done about settings. */
export function promotionLine({ outcome, manifest, before }: Promotion): string {
  const { stateId, generation } = manifest;
  if (outcome === 'active-already') return `generation ${stateId} is the active one already`;
  const back = `\`efs promote --generation ${before.stateId}\` goes back`;
  const switched = `generation ${stateId} is active, its records carry the number ${generation}; ${back}`;
  const changed = [
    manifest.defaultPolicy === before.defaultPolicy
      ? []
      : [`EFS_POLICY=${manifest.defaultPolicy.toLowerCase()}`],
    manifest.domainGroups === before.domainGroups ? [] : [`EFS_DOMAIN_GROUPS='${manifest.domainGroups}'`],
    manifest.buckets === before.buckets ? [] : [`EFS_BUCKETS=${manifest.buckets}`],
  ].flat();
  if (changed.length === 0) return switched;
  return `${switched}\nset ${changed.join(' ')} for all workers before they start the next time`;
}

async function run(options: { generation?: number; json?: true }, command: Command): Promise<void> {
  const config = configOf(command);
  const promotion = await untilInterrupted((signal) =>
    besideWorkers(config, commandLog(config), { signal, maxRate: null }, ({ cutOver, retry }) =>
      retry(() => promote(cutOver, options.generation ?? null)),
    ),
  );
  const { outcome, manifest, before } = promotion;
  const { stateId, generation } = manifest;
  const summary = { outcome, generation: stateId, publishedAs: generation, before: before.stateId };
  process.stdout.write(`${options.json ? jsonLine(summary) : promotionLine(promotion)}\n`);
}

/** `efs promote`. */
export function promoteCommand(): Command {
  const command = new Command('promote')
    .description('switch all workers to another generation: a candidate, or one that was active before')
    .option('--generation <n>', 'which one; the only candidate where left out', wholeNumber(1, 2_147_483_647))
    .option('--json', 'print JSON')
    .action(run);
  addSettings(command, ALL_SETTINGS);
  return addExample(command, 'efs promote --generation 1');
}
