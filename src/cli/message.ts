import { Command } from 'commander';
import { DeliveryId, MessageId } from '../base/ids';
import { withState } from '../app/connect';
import { lookUpMessage } from '../queries/lookup';
import { addExample, addSettings, commandLog, configOf, REDIS_SETTINGS } from './options';
import { jsonLine, messageLines } from './present';

async function show(
  delivery: string,
  message: string,
  { json }: { json?: true },
  command: Command,
): Promise<void> {
  const config = configOf(command);
  const view = await withState(config, commandLog(config), (state) =>
    lookUpMessage(state, DeliveryId(delivery), MessageId(message)),
  );
  process.stdout.write(`${json ? jsonLine(view) : messageLines(view).join('\n')}\n`);
}

/** `efs message`. */
export function messageCommand(): Command {
  const command = new Command('message')
    .description('show the status of one message and everything known about it')
    .argument('<delivery>', 'id of the delivery')
    .argument('<message>', 'id of the message')
    .option('--json', 'print JSON')
    .action(show);
  addSettings(command, [...REDIS_SETTINGS, 'groupId', 'topicPrefix']);
  return addExample(
    command,
    'efs simulate --seed 1',
    'efs message DM1-1 2b7dcdd9-ab24-4f82-b94e-ac213a77164e',
  );
}
