import { Command } from 'commander';
import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { DeliveryId } from '../base/ids';
import type { KpiChanged } from '../kpi/encode';
import type { Generations, Store } from '../store/store';
import { withState } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { lookUpDelivery } from '../queries/lookup';
import { addExample, addSettings, commandLog, configOf, REDIS_SETTINGS } from './options';
import { deliveryLines, jsonLine } from './present';

interface Options {
  readonly json?: true;
  readonly watch?: true;
}

const POLL_MS = 1_000;
const CLEAR = '\u001b[H\u001b[2J';

function print(kpi: KpiChanged, { json, watch }: Options): void {
  const text = json ? jsonLine(kpi) : deliveryLines(kpi).join('\n');
  process.stdout.write(`${watch && !json && process.stdout.isTTY ? CLEAR : ''}${text}\n`);
}

/** Prints the KPIs whenever they change. Waits for a delivery that does not exist yet. */
async function watch(
  state: Store & Generations,
  id: DeliveryId,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  let shown = '';
  while (!signal.aborted) {
    const kpi = await lookUpDelivery(state, id).catch((error: unknown) => {
      if (error instanceof EfsError && error.code === 'not-found') return null;
      throw error;
    });
    const version = kpi === null ? '' : `${kpi.generation}/${kpi.revision}`;
    if (kpi !== null && version !== shown) print(kpi, options);
    shown = version;
    await systemClock.sleep(POLL_MS, signal);
  }
}

async function show(delivery: string, options: Options, command: Command): Promise<void> {
  const config = configOf(command);
  const id = DeliveryId(delivery);
  await withState(config, commandLog(config), async (state) => {
    if (options.watch) await untilInterrupted((signal) => watch(state, id, options, signal));
    else print(await lookUpDelivery(state, id), options);
  });
}

/** `efs delivery`. */
export function deliveryCommand(): Command {
  const command = new Command('delivery')
    .description('show the KPIs of a delivery')
    .argument('<delivery>', 'id of the delivery')
    .option('--json', 'print JSON')
    .option('--watch', 'print them again whenever they change, until Ctrl-C')
    .action(show);
  addSettings(command, [...REDIS_SETTINGS, 'groupId', 'topicPrefix']);
  return addExample(command, 'efs simulate --seed 1', 'efs delivery DM1-1');
}
