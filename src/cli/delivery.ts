import { Command } from 'commander';
import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { DeliveryId } from '../base/ids';
import type { KpiChanged } from '../kpi/encode';
import type { Generations, Store } from '../store/store';
import { withState } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { lookUpDelivery } from '../queries/lookup';
import { addExample, addSettings, contextOf, STATE_SETTINGS } from './options';
import { deliveryLines } from './present';
import { print } from './print';

interface Options {
  readonly json?: true;
  readonly watch?: true;
}

const POLL_MS = 1_000;
const CLEAR = '\u001b[H\u001b[2J';

function printKpis(kpi: KpiChanged, options: Options): void {
  if (options.watch && !options.json && process.stdout.isTTY) process.stdout.write(CLEAR);
  print(kpi, options, deliveryLines);
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
    if (kpi !== null && version !== shown) printKpis(kpi, options);
    shown = version;
    await systemClock.sleep(POLL_MS, signal);
  }
}

async function show(delivery: string, options: Options, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const id = DeliveryId(delivery);
  await withState(config, log, async (state) => {
    if (options.watch) await untilInterrupted((signal) => watch(state, id, options, signal));
    else printKpis(await lookUpDelivery(state, id), options);
  });
}

/** `efs delivery`. */
export function deliveryCommand(): Command {
  const command = new Command('delivery')
    .argument('<delivery>', 'id of the delivery')
    .option('--json', 'print JSON')
    .option('--watch', 'print them again whenever they change, until Ctrl-C')
    .action(show);
  addSettings(command, STATE_SETTINGS);
  return addExample(command, 'efs simulate --seed 1', 'efs delivery DM1-1');
}
