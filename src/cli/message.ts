import { Command } from 'commander';
import { DeliveryId, MessageId } from '../base/ids';
import { withState } from '../app/connect';
import { lookUpMessage } from '../queries/lookup';
import { addExample, addSettings, contextOf, STATE_SETTINGS } from './options';
import { messageLines } from './present';
import { print } from './print';

async function show(
  delivery: string,
  message: string,
  options: { json?: true },
  command: Command,
): Promise<void> {
  const { config, log } = contextOf(command);
  const view = await withState(config, log, (state) =>
    lookUpMessage(state, DeliveryId(delivery), MessageId(message)),
  );
  print(view, options, messageLines);
}

/** `efs message`. */
export function messageCommand(): Command {
  const command = new Command('message')
    .argument('<delivery>', 'id of the delivery')
    .argument('<message>', 'id of the message')
    .option('--json', 'print JSON')
    .action(show);
  addSettings(command, STATE_SETTINGS);
  return addExample(
    command,
    'efs simulate --seed 1',
    'efs message DM1-1 2b7dcdd9-ab24-4f82-b94e-ac213a77164e',
  );
}
