import { Command } from 'commander';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import { withReader } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { readKpi } from '../queries/lookup';
import { addExample, addSettings, contextOf, KAFKA_SETTINGS } from './options';
import { kpiLine } from './present';
import { jsonLine, printLines } from './print';

interface Options {
  readonly delivery?: string;
  readonly fromBeginning?: true;
  readonly json?: true;
}

/** The line of a record; null where it is not a KPI record or not of the delivery asked for. */
export function lineOf(value: Buffer | null, { delivery, json }: Options): string | null {
  const kpi = readKpi(value);
  if (kpi === null || (delivery !== undefined && kpi.deliveryId !== delivery)) return null;
  return json ? jsonLine(kpi) : kpiLine(kpi);
}

async function follow(options: Options, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  const from = options.fromBeginning ? 'beginning' : 'end';
  await withReader(config, log, (reader) =>
    untilInterrupted(async (signal) => {
      const topic = config.topicPrefix + DELIVERY_KPI_TOPIC;
      const { ended } = await reader.follow(topic, { from, signal }, ({ value }) => {
        const line = lineOf(value, options);
        if (line !== null) printLines([line]);
      });
      await ended;
    }),
  );
}

/** `efs kpis`. */
export function kpisCommand(): Command {
  const command = new Command('kpis')
    .option('--from-beginning', 'begin with the records that the topic already holds')
    .option('--delivery <id>', 'only this delivery')
    .option('--json', 'print each change as a line of JSON')
    .action(follow);
  addSettings(command, KAFKA_SETTINGS);
  return addExample(command, 'efs kpis --from-beginning');
}
