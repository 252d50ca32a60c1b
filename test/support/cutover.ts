import { memoryReader } from '../../src/log/source.memory';
import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { memorySink } from '../../src/log/sink.memory';
import { allocateStateId } from '../../src/generations/allocate';
import { type GenerationDeps, latestNumber } from '../../src/generations/generation';
import type { Manifest } from '../../src/store/store';
import type { World } from './world';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);
const kpiChanged = wireType<KpiChanged>(SCHEMAS.KpiChanged, 0);

/** The dependencies of a cut-over in a world. */
export const cutOverDeps = ({ log, store }: World): GenerationDeps => ({
  store,
  inputWatermarks: async (partition) => FEEDBACK_TOPICS.map(({ topic }) => log.watermarks(topic, partition)),
  contributionWatermarks: async (partition) => log.watermarks(CONTRIBUTIONS_TOPIC, partition),
  reader: memoryReader(log),
  contributionsTopic: CONTRIBUTIONS_TOPIC,
  kpiTopic: DELIVERY_KPI_TOPIC,
  allocateStateId: (name) =>
    allocateStateId(
      {
        sink: memorySink(log),
        reader: memoryReader(log),
        topic: CONTRIBUTIONS_TOPIC,
        contribution,
        random: () => 0.5,
      },
      name,
    ),
  positionedTopics: [...FEEDBACK_TOPICS.map(({ topic }) => topic), CONTRIBUTIONS_TOPIC],
  strangers: { passedOver: () => undefined },
  generationOf: (published) => kpiChanged.decode(published).generation,
  pause: async () => undefined,
});

/** A candidate that has folded nothing yet: followers must catch it up. */
export async function proposed(
  { store, partitions }: World,
  settings: Partial<Manifest> = {},
): Promise<number> {
  const active = (await store.active())!;
  const generation = latestNumber(await store.list()) + 1;
  const begin = Array.from({ length: partitions }, () => FEEDBACK_TOPICS.map(() => 0));
  const manifest = {
    ...active,
    ...settings,
    stateId: generation,
    generation: 0,
    contributionsFrom: [],
  };
  await store.propose(manifest, { status: begin, kpi: begin.map(() => [0]) });
  return generation;
}
