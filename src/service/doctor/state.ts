import type { EfsError } from '../../base/errors';
import { lostPosition } from '../../log/copartition';
import type { TopicReader } from '../../log/source';
import { replacedTopic, topicIds } from '../../log/topic-ids';
import { TOPICS_OF } from '../../feedback/topics';
import { mismatches, refuseMismatches, type StateSettings, tasksOf } from '../../generations/generation';
import type { Generations, Manifest, Store, TaskAddress } from '../../store/store';
import { failed, type Finding, ok, orOk, tried, warning } from './finding';

export interface StateDeps {
  readonly store: Pick<Store, 'inspect'> & Pick<Generations, 'active'>;
  readonly reader: Pick<TopicReader, 'topicIds' | 'watermarks'>;
  readonly prefix: string;
  readonly settings: StateSettings;
  /** Whether a worker goes on under the settings of the state where they are others. */
  readonly followsSettings: boolean;
}

/** Checks whether a worker can go on from the state that is there. */
export async function checkState(deps: StateDeps): Promise<readonly Finding[]> {
  return tried('state', async () => {
    const manifest = await deps.store.active();
    if (manifest === null)
      return [ok('state', 'there is none yet: the first worker builds it from the topics')];
    const parts = await Promise.all([
      tried('state', async () => settingsFindings(deps, manifest)),
      tried('state-topics', () => topicFindings(deps, manifest)),
      tried('state-positions', () => positionFindings(deps, manifest)),
    ]);
    return parts.flat();
  });
}

function settingsFindings({ settings, followsSettings }: StateDeps, manifest: Manifest): readonly Finding[] {
  refuseMismatches(manifest, settings, followsSettings);
  const { generation } = manifest;
  const others = mismatches(manifest, settings);
  const followed = warning(
    'state',
    `generation ${generation} was built with other settings, which a worker follows: ${others.join('; ')}`,
    'set them as they were: a state that is lost would be built with the present ones',
  );
  const found = others.length === 0 ? [] : [followed];
  return orOk('state', found, `generation ${generation} was built with these settings`);
}

const named = ({ prefix }: StateDeps, pipeline: TaskAddress['pipeline']): string[] =>
  TOPICS_OF[pipeline].map((topic) => prefix + topic);

async function topicFindings(deps: StateDeps, manifest: Manifest): Promise<readonly Finding[]> {
  const topics = [...named(deps, 'status'), ...named(deps, 'kpi')];
  const replaced = replacedTopic(
    topics,
    manifest.topicIds,
    topicIds(topics, await deps.reader.topicIds(topics)),
  );
  const found = replaced === null ? [] : [failed('state-topics', replaced)];
  return orOk('state-topics', found, 'they are those that its positions belong to');
}

/** One finding for all partitions of a topic that have lost records: the remedy is the same. */
async function positionFindings(deps: StateDeps, manifest: Manifest): Promise<readonly Finding[]> {
  const lost: EfsError[] = [];
  const missing: string[] = [];
  // One after the other: with many partitions their requests would crowd each other out.
  for (const task of [...tasksOf(manifest, 'status'), ...tasksOf(manifest, 'kpi')]) {
    const { pipeline, partition } = task;
    const progress = await deps.store.inspect(task);
    if (progress === null) missing.push(`${pipeline}/${partition}`);
    else {
      const topics = named(deps, pipeline).slice(0, progress.positions.length);
      const held = await Promise.all(topics.map((topic) => deps.reader.watermarks(topic, partition)));
      const failure = lostPosition(topics, partition, progress.positions, held);
      if (failure !== null) lost.push(failure);
    }
  }
  const absent = warning(
    'state-positions',
    `Redis has lost the state of ${missing.join(', ')}: a worker builds it again from the topics`,
    'nothing is to be done, unless the inputs are kept for too short a time',
  );
  const found = [
    ...lost.slice(0, 1).map((each) => failed('state-positions', each)),
    ...(missing.length === 0 ? [] : [absent]),
  ];
  return orOk('state-positions', found, 'Kafka holds the records after them');
}
