import type { Committed } from '../../src/log/source';
import { isOvertaken, checkpointKey, checkpointOf } from '../../src/pipeline/publish-checkpoint';

const claimed = { positions: [7], committedBy: 4 };
const overtaken = (state: typeof claimed, checkpoint: Committed | null, seen: string | null = null) =>
  isOvertaken({ stateId: 2 }, state, checkpoint, seen);
const checkpointed = (generation: number, epoch: number, position: number) =>
  checkpointOf({ stateId: generation }, { epoch, positions: [position] });

describe('a state that was claimed', () => {
  it('is overtaken where records of later positions were published', () => {
    expect(overtaken(claimed, checkpointed(2, 4, 8))).toBe(true);
    expect(overtaken(claimed, checkpointed(1, 4, 8))).toBe(true);
    expect(overtaken(claimed, { offset: 8, note: '' })).toBe(true);
  });

  it('is overtaken where an owner has published that it does not know of, wherever that one stood', () => {
    expect(overtaken(claimed, checkpointed(2, 5, 3))).toBe(true);
    expect(overtaken({ ...claimed, committedBy: 0 }, checkpointed(2, 1, 0))).toBe(true);
  });

  it('is not overtaken by its own owners, nor where nothing was published', () => {
    expect(overtaken(claimed, checkpointed(2, 4, 7))).toBe(false);
    expect(overtaken(claimed, checkpointed(2, 3, 7))).toBe(false);
    expect(overtaken(claimed, null)).toBe(false);
  });

  it('is overtaken by another generation that has published since it saw the log', () => {
    const before = checkpointed(1, 5, 2);
    expect(overtaken(claimed, before, checkpointKey(before))).toBe(false);
    for (const since of [checkpointed(1, 5, 3), checkpointed(1, 6, 2), checkpointed(3, 5, 2)])
      expect(overtaken(claimed, since, checkpointKey(before))).toBe(true);
    expect(overtaken(claimed, before)).toBe(true);
  });

  it('is not overtaken by a witness that says nothing of its owner, as those of version 0.1', () => {
    expect(overtaken(claimed, { offset: 7, note: '' })).toBe(false);
  });
});
