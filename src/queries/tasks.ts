import { TOPICS_OF } from '../feedback/topics';
import type { TopicReader } from '../log/source';
import type { Manifest, Store, TaskAddress } from '../store/store';

export interface TaskPosition {
  /** Without the tenant's prefix. */
  readonly topic: string;
  /** The next offset to fold. */
  readonly position: number;
  /** The end of the log, for readers of committed records. */
  readonly end: number;
  readonly lag: number;
  /** Offsets behind that end which an open transaction holds back. */
  readonly heldBack: number;
}

/** The progress and owner of a task of the active generation. */
export interface TaskView {
  readonly pipeline: TaskAddress['pipeline'];
  readonly partition: number;
  /** `here`: this process runs it. `elsewhere`: another process runs it, or none. */
  readonly owner: 'here' | 'elsewhere';
  readonly epoch: number;
  readonly sequence: number;
  /** Bytes of outgoing records that wait to be acknowledged, or to be replaced by those of the next commit. */
  readonly outboxBytes: number;
  readonly positions: readonly TaskPosition[];
  readonly lag: number;
}

export interface TaskDeps {
  readonly store: Pick<Store, 'inspect' | 'outboxBytes'>;
  readonly reader: Pick<TopicReader, 'watermarks' | 'highWatermark'>;
  readonly topicPrefix: string;
  /** The tasks that this process runs. */
  running(): readonly Pick<TaskAddress, 'pipeline' | 'partition'>[];
}

/** All tasks of a generation, by pipeline and partition. Throws `redis-unavailable`, `kafka-unavailable`. */
export async function viewTasks(deps: TaskDeps, manifest: Manifest): Promise<readonly TaskView[]> {
  const here = new Set(deps.running().map(({ pipeline, partition }) => `${pipeline}/${partition}`));
  const addresses = (['status', 'kpi'] as const).flatMap((pipeline) =>
    Array.from({ length: manifest.partitions }, (_, partition): TaskAddress => {
      return { stateId: manifest.stateId, pipeline, partition };
    }),
  );
  return Promise.all(
    addresses.map((address) =>
      viewTask(deps, address, here.has(`${address.pipeline}/${address.partition}`) ? 'here' : 'elsewhere'),
    ),
  );
}

/** The high watermark comes first: what arrives between the two questions is not held back. */
async function endsOf(reader: TaskDeps['reader'], topic: string, partition: number) {
  const highWatermark = await reader.highWatermark(topic, partition);
  const { high } = await reader.watermarks(topic, partition);
  return { end: high, heldBack: Math.max(0, highWatermark - high) };
}

async function viewTask(
  { store, reader, topicPrefix }: TaskDeps,
  address: TaskAddress,
  owner: TaskView['owner'],
): Promise<TaskView> {
  const { pipeline, partition } = address;
  const topics = TOPICS_OF[pipeline];
  const [claim, outboxBytes, ends] = await Promise.all([
    store.inspect(address),
    store.outboxBytes(address),
    Promise.all(topics.map((topic) => endsOf(reader, topicPrefix + topic, partition))),
  ]);
  const positions = topics.map((topic, index): TaskPosition => {
    const position = claim?.positions[index] ?? 0;
    const { end, heldBack } = ends[index] ?? { end: 0, heldBack: 0 };
    return { topic, position, end, lag: Math.max(0, end - position), heldBack };
  });
  return {
    pipeline,
    partition,
    owner,
    epoch: claim?.epoch ?? 0,
    sequence: claim?.sequence ?? 0,
    outboxBytes,
    positions,
    lag: positions.reduce((sum, { lag }) => sum + lag, 0),
  };
}
