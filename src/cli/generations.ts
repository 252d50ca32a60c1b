import { Command } from 'commander';
import { dropGeneration } from '../generations/drop';
import { type ListedGeneration, listGenerations } from '../generations/listing';
import { withState } from '../app/connect';
import { besideWorkers } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, contextOf, STATE_SETTINGS, stateId } from './options';
import { grouped, print, table } from './print';

/** A row of the list. `generation` is the id of the state, `publishedAs` the generation that its records carry. */
function row({ generation, state, publishedAs, settings, ...each }: ListedGeneration): string[] {
  return [
    String(generation),
    each.readable ? state : `${state}, position lost`,
    publishedAs === null ? '–' : String(publishedAs),
    settings.defaultPolicy.toLowerCase(),
    String(settings.buckets),
    grouped(each.deliveries),
    grouped(each.messages),
    grouped(each.lag),
  ];
}

const TITLES = ['id', 'state', 'published as', 'policy', 'buckets', 'deliveries', 'messages', 'lag'];

async function list(options: { json?: true }, command: Command): Promise<void> {
  const listed = await besideWorkers(contextOf(command), ({ cutOver, rebuild, retry }) =>
    retry(() => listGenerations({ ...cutOver, contribution: rebuild.pipeline.wire.contribution })),
  );
  print(listed, options, () => table([TITLES, ...listed.map(row)]));
}

async function drop(id: number, options: { json?: true }, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const deliveries = await withState(config, log, (state) => dropGeneration(state, id));
  print({ generation: id, deliveries }, options, () => [
    `state ${id} is deleted, with ${grouped(deliveries)} deliveries`,
  ]);
}

/** `efs generations` and `efs generations drop`. */
export function generationsCommand(): Command {
  const command = new Command('generations').option('--json', 'print JSON').helpCommand(false).action(list);
  addSettings(command, ALL_SETTINGS);
  addExample(command, 'efs generations');
  const dropping = new Command('drop')
    .description('delete the state of a generation that is not active, permanently')
    .argument('<generation>', 'id of the state, as listed', stateId)
    .option('--json', 'print JSON')
    .action(drop);
  addSettings(dropping, STATE_SETTINGS);
  return command.addCommand(addExample(dropping, 'efs generations drop 1'));
}
