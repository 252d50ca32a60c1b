import { memoryLog } from '../../src/log/log.memory';
import { SCHEMAS } from '../../src/feedback/schemas';
import { memoryReader } from '../../src/log/source.memory';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { memorySink } from '../../src/log/sink.memory';
import { stateIdInKey } from '../../src/pipeline/state-id';
import { type AllocateDeps, allocateStateId } from '../../src/generations/allocate';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);

/** A log, and the dependencies of processes that allocate in it, each with its own random number. */
function given() {
  const log = memoryLog({ partitions: 2 });
  const deps = (random: number): AllocateDeps => ({
    ...{ sink: memorySink(log), reader: memoryReader(log), topic: CONTRIBUTIONS_TOPIC, contribution },
    random: () => random,
  });
  return { log, deps };
}

describe('a state id', () => {
  it('is allocated to the first process that requests it', async () => {
    const { deps } = given();
    expect([
      await allocateStateId(deps(0.1), 1),
      await allocateStateId(deps(0.2), 1),
      await allocateStateId(deps(0.2), 2),
    ]).toEqual([true, false, true]);
  });

  it('is allocated to one of several concurrent processes', async () => {
    const { deps } = given();
    const outcomes = await Promise.all([0.1, 0.2, 0.3].map((random) => allocateStateId(deps(random), 1)));
    expect(outcomes.filter((isMine) => isMine)).toHaveLength(1);
  });

  it('is not free where a higher one is allocated', async () => {
    const { deps } = given();
    await allocateStateId(deps(0.1), 5);
    expect(await allocateStateId(deps(0.2), 4)).toBe(false);
  });

  it('is not free where its generation has published and the log was compacted', async () => {
    const { log, deps } = given();
    await allocateStateId(deps(0.1), 1);
    log.append(CONTRIBUTIONS_TOPIC, 0, { key: Buffer.from('/1.0'), value: Buffer.from('x') });
    log.compact(CONTRIBUTIONS_TOPIC, 0);
    expect(await allocateStateId(deps(0.2), 1)).toBe(false);
  });

  it('can be read from the record that allocates it, which contributes nothing and is no barrier', async () => {
    const { log, deps } = given();
    await allocateStateId(deps(0), 7);
    const { key, value } = log.entry(CONTRIBUTIONS_TOPIC, 0, 0)!.record!;
    expect(stateIdInKey(key)).toBe(7);
    expect(contribution.decode(value!)).toMatchObject({ deliveryId: null, generation: 0, revision: 0 });
  });
});
