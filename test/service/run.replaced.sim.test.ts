import { must } from '../../src/base/assert';
import { promote } from '../../src/generations/cutover';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS, RETIRED_TOPIC } from '../../src/feedback/topics';
import { differences } from '../support/observe';
import { rebuildDeps, during, rebuilt } from '../support/rebuilding';
import { randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const SEED = 41;
const INPUTS = FEEDBACK_TOPICS.map(({ topic }) => topic);

/** Deletes the inputs and creates them again under their names, empty. */
function recreateInputs({ log, partitions }: World): void {
  for (const topic of INPUTS) {
    log.remove(topic);
    log.create(topic, partitions);
  }
}

async function positionsOf({ store, partitions }: World) {
  const stateId = must(await store.active(), 'a generation').stateId;
  const tasks = Array.from({ length: partitions }, (_, partition) =>
    store.inspect({ stateId, pipeline: 'status', partition }),
  );
  return (await Promise.all(tasks)).map((task) => task?.positions);
}

const REPLACED =
  /^status task \d has stopped: mta\.[a-z-]+ was deleted and created again: .*efs rebuild --promote/;

describe('an input that was deleted and created again, and has grown past the stored position', () => {
  it('is not read on where that happened while the service was down; a rebuild counts what the new one holds', async () => {
    const there = await world({ partitions: 2 });
    const first = await there.worker();
    there.produce(randomFeedback(SEED, 40));
    await there.settle();
    await first.stop();
    const before = await positionsOf(there);
    recreateInputs(there);
    there.produce(randomFeedback(SEED + 1, 400));

    const { reasons, fatal } = await there.worker();
    await there.until(() => reasons.has('status/0') && reasons.has('status/1'), 'the tasks have stopped');
    let steps = 0;
    await there.until(() => (steps += 1) > 300, 'half a minute of tries');
    expect(
      [...reasons].filter(([key]) => key.startsWith('status/')).every(([, why]) => REPLACED.test(why)),
    ).toBe(true);
    expect([await positionsOf(there), fatal]).toEqual([before, []]);

    const rebuild = await rebuilt(there);
    await during(there, promote(await rebuildDeps(there), null));
    await during(there, rebuild.stop());
    await there.until(() => reasons.size === 0, 'the tasks run again');
    await there.settle();
    expect(await differences(there)).toEqual([]);
  });

  it('is rebuilt also where it holds less than before', async () => {
    const there = await world({ partitions: 2 });
    await there.worker();
    there.produce(randomFeedback(SEED, 400));
    await there.settle();
    recreateInputs(there);
    there.produce(randomFeedback(SEED, 40));
    const rebuild = await rebuilt(there);
    await during(there, promote(await rebuildDeps(there), null));
    await during(there, rebuild.stop());
    await there.settle();
    const ends = [0, 1].map((partition) =>
      INPUTS.map((topic) => there.log.watermarks(topic, partition).high),
    );
    expect(await positionsOf(there)).toEqual(ends);
  });

  it('stops its tasks where that happens while they run', async () => {
    const there = await world({ partitions: 2 });
    const { reasons } = await there.worker();
    there.produce(randomFeedback(SEED, 40));
    await there.settle();
    recreateInputs(there);
    await there.until(() => reasons.has('status/0') && reasons.has('status/1'), 'the tasks have stopped');
    there.produce(randomFeedback(SEED + 1, 400));
    const before = await positionsOf(there);
    await there.until(() => REPLACED.test(reasons.get('status/0') ?? ''), 'the reason is named');
    expect(await positionsOf(there)).toEqual(before);
  });

  it('is known by the id that the state of an earlier version adopts at the start', async () => {
    const there = await world({ partitions: 2 });
    const first = await there.worker();
    await there.settle();
    await first.stop();
    const { topicIds, ...earlier } = must(await there.store.active(), 'a generation');
    await there.store.replaceActive(earlier, earlier);
    expect((await there.store.active())?.topicIds).toBeUndefined();
    await there.worker();
    await there.settle();
    expect((await there.store.active())?.topicIds).toEqual(topicIds);
    expect(Object.keys(topicIds ?? {})).toEqual([...INPUTS, CONTRIBUTIONS_TOPIC, RETIRED_TOPIC]);
  });
});

describe('the topic of retired deliveries', () => {
  it('is not read on where it was deleted and created again: its offsets mean other records', async () => {
    const there = await world({ partitions: 2 });
    const first = await there.worker();
    there.produce(randomFeedback(SEED, 40));
    await there.settle();
    await first.stop();
    const before = await positionsOf(there);
    there.log.remove(RETIRED_TOPIC);
    there.log.create(RETIRED_TOPIC, there.partitions);
    there.produce(randomFeedback(SEED + 1, 40));
    const { reasons } = await there.worker();
    await there.until(() => reasons.has('status/0') && reasons.has('status/1'), 'the tasks have stopped');
    expect(reasons.get('status/0')).toContain(`${RETIRED_TOPIC} was deleted and created again`);
    expect(await positionsOf(there)).toEqual(before);
  });
});
