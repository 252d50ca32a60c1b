import { Command } from 'commander';
import { systemClock } from '../base/clock';
import { kafkaReader } from '../kafka/reader.kafka';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import { kafkaOf } from '../app/connect';
import { untilInterrupted } from './interrupt';
import { readKpi } from '../queries/lookup';
import { addExample, addSettings, commandLog, configOf, KAFKA_SETTINGS } from './options';
import { jsonLine, kpiLine } from './present';

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
  const config = configOf(command);
  const reader = kafkaReader(kafkaOf(config, commandLog(config)), systemClock, config);
  const from = options.fromBeginning ? 'beginning' : 'end';
  try {
    await untilInterrupted(async (signal) => {
      const topic = config.topicPrefix + DELIVERY_KPI_TOPIC;
      const { ended } = await reader.follow(topic, { from, signal }, ({ value }) => {
        const line = lineOf(value, options);
        if (line !== null) process.stdout.write(`${line}\n`);
      });
      await ended;
    });
  } finally {
    await reader.close();
  }
}

/** `efs kpis`. */
export function kpisCommand(): Command {
  const command = new Command('kpis')
    .description('follow the KPI changes of deliveries, one line per change, until Ctrl-C')
    .option('--from-beginning', 'begin with the records that the topic already holds')
    .option('--delivery <id>', 'only this delivery')
    .option('--json', 'print each change as a line of JSON')
    .action(follow);
  addSettings(command, KAFKA_SETTINGS);
  return addExample(command, 'efs kpis --from-beginning');
}
