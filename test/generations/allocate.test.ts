import { memoryLog } from '../../src/log/log.memory';
import { SCHEMAS } from '../../src/feedback/schemas';
import { memoryReader } from '../../src/log/source.memory';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { memorySink } from '../../src/log/sink.memory';
import { nameIn } from '../../src/pipeline/generation-claim';
import { type AllocateDeps, allocateGeneration } from '../../src/generations/allocate';

const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 0);

/** A log, and the ends of those who want names in it, each with its own chance. */
function given() {
  const log = memoryLog({ partitions: 2 });
  const deps = (chance: number): AllocateDeps => ({
    ...{ sink: memorySink(log), reader: memoryReader(log), topic: CONTRIBUTIONS_TOPIC, contribution },
    random: () => chance,
  });
  return { log, deps };
}

describe('a name', () => {
  it('is its own who asked first', async () => {
    const { deps } = given();
    expect([
      await allocateGeneration(deps(0.1), 1),
      await allocateGeneration(deps(0.2), 1),
      await allocateGeneration(deps(0.2), 2),
    ]).toEqual([true, false, true]);
  });

  it('goes to one of several who ask at once', async () => {
    const { deps } = given();
    const outcomes = await Promise.all([0.1, 0.2, 0.3].map((chance) => allocateGeneration(deps(chance), 1)));
    expect(outcomes.filter((isMine) => isMine)).toHaveLength(1);
  });

  it('is not free where a later one was taken', async () => {
    const { deps } = given();
    await allocateGeneration(deps(0.1), 5);
    expect(await allocateGeneration(deps(0.2), 4)).toBe(false);
  });

  it('is not free where its bearer has spoken and the log was compacted', async () => {
    const { log, deps } = given();
    await allocateGeneration(deps(0.1), 1);
    log.append(CONTRIBUTIONS_TOPIC, 0, { key: Buffer.from('/1.0'), value: Buffer.from('x') });
    log.compact(CONTRIBUTIONS_TOPIC, 0);
    expect(await allocateGeneration(deps(0.2), 1)).toBe(false);
  });

  it('stays in the log for whoever asks which was the last', async () => {
    const { log, deps } = given();
    await allocateGeneration(deps(0), 7);
    expect(nameIn(log.entry(CONTRIBUTIONS_TOPIC, 0, 0)?.record?.key ?? null)).toBe(7);
  });
});
