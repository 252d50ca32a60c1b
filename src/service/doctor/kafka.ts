import { must } from '../../base/assert';
import { EfsError } from '../../base/errors';
import type { TopicAdmin, TopicFacts } from '../../log/admin';
import type { BrokerFacts, LogServers } from '../../log/brokers';
import { coPartitions } from '../../log/copartition';
import { foreignMembers, type GroupMember, type Groups } from '../../log/groups';
import type { Rights } from '../../log/rights';
import type { TopicReader } from '../../log/source';
import { ALL_TOPICS, SETUP_TOPICS, TOPICS_OF } from '../../feedback/topics';
import { formerWorkers } from '../../generations/former-names';
import { shortInputs } from '../input-retention';
import {
  policyMismatches,
  refusingTopics,
  smallTopics,
  type TopicFinding,
  unreplicatedTopics,
} from '../topic-configs';
import { type Check, failed, type Finding, ok, orOk, problem, tried, warning } from './finding';
import { type NeededRight, neededRights, type RightsOf } from './needed-rights';

export interface KafkaDeps extends RightsOf {
  readonly servers: LogServers;
  readonly reader: Pick<TopicReader, 'partitions'>;
  readonly admin: Pick<TopicAdmin, 'describe'>;
  readonly rights: Pick<Rights, 'lacking'>;
  readonly groupsOfKafka: Pick<Groups, 'members'>;
  /** The groups of workers up to 0.1, where their names differ from `groups`. */
  readonly formerGroups: readonly string[];
  readonly brokers: readonly string[];
  readonly neededRetentionMs: number;
}

/** What the checks found, and the number of partitions of the topics; null where it is not known. */
export interface KafkaFindings {
  readonly findings: readonly Finding[];
  readonly partitions: number | null;
}

/** Checks Kafka as far as it answers. */
export async function checkKafka(deps: KafkaDeps): Promise<KafkaFindings> {
  const servers = await deps.servers.inspect();
  const reached = serverFindings(servers);
  if (servers.named.every(({ failure }) => failure !== null)) return { findings: reached, partitions: null };
  const [rights, topics, configs, groups] = await Promise.all([
    tried('kafka-rights', () => rightsFindings(deps)),
    topicFindings(deps),
    configFindings(deps, servers.members.length),
    tried('groups', () => groupFindings(deps)),
  ]);
  return {
    findings: [...reached, ...rights, ...topics.findings, ...configs, ...groups],
    partitions: topics.partitions,
  };
}

type Servers = Awaited<ReturnType<LogServers['inspect']>>;

/** Every broker that belongs to the log must be reached; of those in the settings one is enough. */
export function serverFindings({ named, members }: Servers): readonly Finding[] {
  const isNone = named.every(({ failure }) => failure !== null);
  const ofNamed = named.flatMap(({ name, failure }) => {
    if (failure === null) return [];
    if (isNone) return [failed('kafka-brokers', failure)];
    return [
      warning(
        'kafka-brokers',
        `${name} does not answer: ${failure.message}`,
        'start it, or leave it out of EFS_KAFKA_BROKERS',
      ),
    ];
  });
  const ofMembers = members.flatMap(({ name, failure }) =>
    failure === null
      ? []
      : [
          problem(
            'kafka-brokers',
            `${name} belongs to the cluster and cannot be reached: ${failure.message}`,
            'let the broker announce an address that this machine reaches (advertised.listeners), or start it',
          ),
        ],
  );
  const count = members.length === 1 ? '1 broker answers' : `${members.length} brokers answer`;
  const found = orOk('kafka-brokers', [...ofNamed, ...ofMembers], count);
  return isNone ? found : [...found, ...versionFindings([...named, ...members])];
}

function versionFindings(servers: readonly BrokerFacts[]): readonly Finding[] {
  const found = servers
    .filter(({ lacks }) => lacks.length > 0)
    .map(({ name, lacks }) =>
      problem('kafka-versions', `${name} lacks ${lacks.join(', ')}`, 'upgrade it to Kafka 2.3 or later'),
    );
  return orOk('kafka-versions', found, 'all brokers have the requests that the service sends');
}

async function rightsFindings(deps: KafkaDeps): Promise<readonly Finding[]> {
  const needed = neededRights(deps);
  const lacking = await deps.rights.lacking(needed);
  // One finding for all resources that lack the same right for the same purpose.
  const alike = new Map<string, NeededRight[]>();
  for (const right of needed.filter((each) => lacking.includes(each))) {
    const key = [right.resource, right.operation, right.without].join();
    alike.set(key, [...(alike.get(key) ?? []), right]);
  }
  const found = [...alike.values()].map((rights) => {
    const { resource, operation, without } = must(rights[0], 'a right');
    const names = rights.map(({ name }) => name).join(', ');
    const text = `the user lacks ${operation} on the ${resource}${rights.length === 1 ? '' : 's'} ${names}`;
    const remedy = 'grant it (docs/operations.md, "Access rights")';
    if (without === null) return problem('kafka-rights', text, remedy);
    return warning('kafka-rights', `${text}: ${without}`, remedy);
  });
  return orOk('kafka-rights', found, 'the user has all rights of a worker');
}

/** As a worker counts them at its start. Topics that the user may not see are the subject of the rights. */
async function topicFindings({ reader, prefix }: KafkaDeps): Promise<KafkaFindings> {
  const counted = async (topic: string): Promise<(readonly [string, number | null])[]> => {
    try {
      return [[topic, await reader.partitions(topic)]];
    } catch (error) {
      if (error instanceof EfsError && error.code === 'topic-missing') return [[topic, null]];
      if (error instanceof EfsError && error.code === 'access-refused') return [];
      throw error;
    }
  };
  try {
    const counts = (await Promise.all(ALL_TOPICS.map((topic) => counted(prefix + topic)))).flat();
    if (counts.length === 0) return { findings: [], partitions: null };
    const partitions = coPartitions(counts);
    return { findings: [ok('topics', `${counts.length} topics, ${partitions} partitions each`)], partitions };
  } catch (error) {
    return { findings: [failed('topics', error)], partitions: null };
  }
}

const ofTopic = (check: Check, { problem: text, remedy }: TopicFinding): Finding =>
  warning(check, text, remedy);

/** What a worker can do without: its user need not have the right to read configurations. */
async function configFindings(deps: KafkaDeps, brokers: number): Promise<readonly Finding[]> {
  let existing: ReadonlyMap<string, TopicFacts>;
  try {
    existing = await deps.admin.describe(SETUP_TOPICS.map((topic) => deps.prefix + topic));
  } catch (error) {
    if (!(error instanceof EfsError) || error.code !== 'access-refused')
      return [failed('topic-configs', error)];
    const remedy = 'run `efs doctor` once as a user with DescribeConfigs on the topics';
    return [warning('topic-configs', `not checked: ${error.message}`, remedy)];
  }
  if (existing.size === 0) return [];
  const policies = policyMismatches(existing, deps.prefix).map(({ problem: text, remedy }) =>
    problem('topic-configs', text, remedy),
  );
  const small = smallTopics(existing, deps).map((each) => ofTopic('topic-configs', each));
  const short = shortInputs(existing, { ...deps, neededMs: deps.neededRetentionMs });
  const refusing = refusingTopics(existing).map(({ problem: text, remedy }) =>
    problem('replicas', text, remedy),
  );
  const unreplicated = unreplicatedTopics(existing, brokers).map((each) => ofTopic('replicas', each));
  return [
    ...orOk('topic-configs', [...policies, ...small], 'cleanup.policy and max.message.bytes fit'),
    ...orOk(
      'input-retention',
      short.map((each) => ofTopic('input-retention', each)),
      'a rebuild finds what it needs',
    ),
    ...orOk('replicas', [...refusing, ...unreplicated], 'every partition takes records'),
  ];
}

async function groupFindings(deps: KafkaDeps): Promise<readonly Finding[]> {
  const { prefix, groups, groupsOfKafka, formerGroups } = deps;
  const found = await Promise.all(
    (['status', 'kpi'] as const).map(async (pipeline) => {
      const topics = TOPICS_OF[pipeline].map((topic) => prefix + topic);
      // Null while the group rebalances.
      const members = (await groupsOfKafka.members(groups[pipeline])) ?? [];
      return { topics, members, foreign: foreignMembers(groups[pipeline], members, topics) };
    }),
  );
  const former = await Promise.all(formerGroups.map((group) => membersIfVisible(groupsOfKafka, group)));
  const topics = found.flatMap((each) => each.topics);
  const failures = [
    ...found.map(({ foreign }) => foreign),
    formerWorkers(formerGroups, former.flat(), topics),
  ].filter((each) => each !== null);
  const count = Math.max(...found.map(({ members }) => members.length));
  return orOk(
    'groups',
    failures.map((each) => failed('groups', each)),
    count === 0 ? 'no worker is running' : `${count} workers are running, and no other program`,
  );
}

/** As at the start: a user without access to the groups of 0.1 counts as never having run it. */
async function membersIfVisible(
  groups: Pick<Groups, 'members'>,
  group: string,
): Promise<readonly GroupMember[]> {
  try {
    return (await groups.members(group)) ?? [];
  } catch (error) {
    if (error instanceof EfsError && error.code === 'access-refused') return [];
    throw error;
  }
}
