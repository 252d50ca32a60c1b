import { Command, InvalidArgumentError } from 'commander';
import { dropGeneration } from '../generations/drop';
import { type ListedGeneration, listGenerations } from '../generations/listing';
import { besideWorkers } from '../app/offline-context';
import { withState } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { addExample, addSettings, ALL_SETTINGS, commandLog, configOf, REDIS_SETTINGS } from './options';
import { jsonLine, table } from './present';
import { grouped } from './progress';

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

const TITLES = ['generation', 'state', 'published as', 'policy', 'buckets', 'deliveries', 'messages', 'lag'];

async function list({ json }: { json?: true }, command: Command): Promise<void> {
  const config = configOf(command);
  const listed = await untilInterrupted((signal) =>
    besideWorkers(config, commandLog(config), { signal, maxRate: null }, ({ cutOver, rebuild, retry }) =>
      retry(() => listGenerations({ ...cutOver, contribution: rebuild.pipeline.wire.contribution })),
    ),
  );
  const text = json ? jsonLine(listed) : table([TITLES, ...listed.map(row)]).join('\n');
  process.stdout.write(`${text}\n`);
}

function generationNumber(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

async function drop(generation: number, _: unknown, command: Command): Promise<void> {
  const config = configOf(command);
  const deliveries = await withState(config, commandLog(config), (state) =>
    dropGeneration(state, generation),
  );
  process.stdout.write(
    `generation ${generation} is gone, with its state of ${grouped(deliveries)} deliveries\n`,
  );
}

/** `efs generations` and `efs generations drop`. */
export function generationsCommand(): Command {
  const command = new Command('generations')
    .description('list the generations of the state: which is active, how large and how far each is')
    .option('--json', 'print JSON')
    .helpCommand(false)
    .action(list);
  addSettings(command, ALL_SETTINGS);
  addExample(command, 'efs generations');
  const dropping = new Command('drop')
    .description('delete a generation that is not the active one, for good')
    .argument('<generation>', 'which one', generationNumber)
    .action(drop);
  addSettings(dropping, [...REDIS_SETTINGS, 'groupId', 'topicPrefix']);
  return command.addCommand(addExample(dropping, 'efs generations drop 1'));
}
