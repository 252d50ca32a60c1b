import { Command } from 'commander';
import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { kafkaTopicAdmin } from '../kafka/admin.kafka';
import { neededRetention } from '../service/input-retention';
import { setup, type SetupStep } from '../service/setup';
import { kafkaOf, registryOf } from '../app/connect';
import { addExample, addSettings, commandLog, configOf, KAFKA_SETTINGS, REGISTRY_SETTINGS } from './options';

/** The steps, one line each, their sum, and the warnings. */
export function setupLines(steps: readonly SetupStep[]): string[] {
  const created = steps.filter((step) => step.outcome === 'created').length;
  const rows = steps.map(({ outcome, what, name }) => [`${outcome} ${what} ${name}`]);
  const width = Math.max(...rows.map(([cell = '']) => cell.length));
  return [
    ...steps.map(({ detail }, i) => `${rows[i]?.[0]?.padEnd(width)}  ${detail}`),
    created === 0 ? 'everything exists already' : `${created} created, ${steps.length - created} unchanged`,
    ...steps.flatMap(({ warning }) => (warning === undefined ? [] : [`warning: ${warning}`])),
  ];
}

/** Creates topics and registers schemas by the settings; see `setup` of the service. */
export async function setUp(config: Config): Promise<readonly SetupStep[]> {
  const admin = kafkaTopicAdmin(kafkaOf(config, commandLog(config)), systemClock);
  const registrar = registryOf(config, commandLog(config));
  try {
    const { topicPrefix: prefix, partitions, kafkaBrokers: brokers } = config;
    const inputRetentionMs = neededRetention(config.retention);
    return await setup({ admin, registrar, prefix, partitions, inputRetentionMs, brokers });
  } finally {
    await admin.close().catch(() => undefined);
  }
}

async function run(_: unknown, command: Command): Promise<void> {
  process.stdout.write(`${setupLines(await setUp(configOf(command))).join('\n')}\n`);
}

/** `efs setup`. */
export function setupCommand(): Command {
  const command = new Command('setup')
    .description('create the topics and register the schemas; safe to run again')
    .action(run);
  addSettings(command, [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, 'partitions', 'retention']);
  return addExample(command, 'efs setup --partitions 6');
}
