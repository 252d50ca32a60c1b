import { type Command, Help, type Option } from 'commander';
import { type SettingName, SETTINGS, variableOf } from '../settings/table';

/** The settings of servers that every command with them commonly needs. */
export const COMMON_SETTINGS: readonly SettingName[] = [
  'kafkaBrokers',
  'schemaRegistryUrl',
  'redisUrl',
  'topicPrefix',
];

export const COMMON_GROUP = 'Settings (each also a variable, or a line of the file):';

/** Groups of settings by what their names begin with; the first that fits. */
const GROUPS: readonly (readonly [string, RegExp])[] = [
  ['Kafka', /^(kafka|topicPrefix|groupId|partition|sessionTimeoutMs)/],
  ['the schema registry', /^(schemaRegistry|registry)/],
  ['Redis', /^(redis|buckets)/],
  ['the page and the API', /^(http|ingestUrls)/],
  ['ingestion', /^ingest/],
  ['the log', /^log/],
  ['feedback and KPIs', /^/],
];

const groupOf = (name: string): string => `Settings of ${GROUPS.find(([, names]) => names.test(name))?.[0]}:`;

/** The settings that are no flags. */
function secretLines(names: readonly SettingName[]): string {
  const secrets = names.filter((name) => !SETTINGS[name].isFlag).map((name) => `  ${variableOf(name)}`);
  return secrets.length === 0
    ? ''
    : ['\nVariables, or lines of the file; never flags:', ...secrets].join('\n');
}

/**
 * Adds `--help-all` to a command with flags that are settings: `names`. Its other help shows those of `common` only. The rest
 * is hidden while help is printed, and not from the names that a misspelt flag is compared with.
 */
export function addHelpAll(
  command: Command,
  names: readonly SettingName[],
  common: readonly SettingName[],
): Command {
  let showsAll = false;
  const arrange = (option: Option): void => {
    const name = names.find((each) => each === option.attributeName());
    if (name !== undefined)
      option.hideHelp(!showsAll && !common.includes(name)).helpGroup(showsAll ? groupOf(name) : COMMON_GROUP);
  };
  return command
    .option('--help-all', `help with all ${names.length} settings, by group`)
    .on('option:help-all', () => {
      showsAll = true;
      command.help();
    })
    .configureHelp({
      formatHelp(_, helper) {
        command.options.forEach(arrange);
        const text = Help.prototype.formatHelp.call(helper, command, helper);
        for (const option of command.options) option.hideHelp(false);
        return text;
      },
    })
    .addHelpText('after', () => (showsAll ? secretLines(names) : ''));
}
