import { Command } from 'commander';
import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import { kafkaTopicAdmin } from '../kafka/admin.kafka';
import { neededRetention } from '../service/input-retention';
import { setup, type SetupStep } from '../service/setup';
import { kafkaOf, registryOf } from '../app/connect';
import { addExample, addSettings, contextOf, KAFKA_SETTINGS, REGISTRY_SETTINGS } from './options';
import { print, table } from './print';

/** The steps, one line each, their sum, and the warnings. */
export function setupLines(steps: readonly SetupStep[]): string[] {
  const created = steps.filter((step) => step.outcome === 'created').length;
  const rows = steps.map(({ outcome, what, name, detail }) => [`${outcome} ${what} ${name}`, detail]);
  return [
    ...table(rows, 'l'),
    created === 0 ? 'everything exists already' : `${created} created, ${steps.length - created} unchanged`,
    ...steps.flatMap(({ warning }) => (warning === undefined ? [] : [`warning: ${warning}`])),
  ];
}

/** Creates topics and registers schemas by the settings; see `setup` of the service. */
export async function setUp(config: Config, log: Log): Promise<readonly SetupStep[]> {
  const admin = kafkaTopicAdmin(kafkaOf(config, log), systemClock);
  const registrar = registryOf(config, log);
  try {
    const { topicPrefix: prefix, partitions, kafkaBrokers: brokers } = config;
    const inputRetentionMs = neededRetention(config.retention);
    return await setup({ admin, registrar, prefix, partitions, inputRetentionMs, brokers });
  } finally {
    await admin.close().catch(() => undefined);
  }
}

async function run(options: { json?: true }, command: Command): Promise<void> {
  const { config, log } = contextOf(command);
  print(await setUp(config, log), options, setupLines);
}

/** `efs setup`. */
export function setupCommand(): Command {
  const command = new Command('setup').option('--json', 'print the steps as JSON').action(run);
  addSettings(
    command,
    [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, 'partitions', 'retention'],
    ['partitions', 'retention'],
  );
  return addExample(command, 'efs setup --partitions 6');
}
