import type { Committed } from '../../src/log/source';
import { isOvertaken, checkpointKey, checkpointOf } from '../../src/pipeline/publish-checkpoint';

const claim = { positions: [7], committedBy: 4 };
const overtaken = (state: typeof claim, checkpoint: Committed | null, seen: string | null = null) =>
  isOvertaken({ stateId: 2 }, state, checkpoint, seen);
const checkpointed = (generation: number, epoch: number, position: number) =>
  checkpointOf({ stateId: generation }, { epoch, positions: [position] });

describe('a claimed state', () => {
  it('is overtaken where records of later positions were published', () => {
    expect(overtaken(claim, checkpointed(2, 4, 8))).toBe(true);
    expect(overtaken(claim, checkpointed(1, 4, 8))).toBe(true);
    expect(overtaken(claim, { offset: 8, metadata: '' })).toBe(true);
  });

  it('is overtaken where an owner whose commits it does not contain has published, at any position', () => {
    expect(overtaken(claim, checkpointed(2, 5, 3))).toBe(true);
    expect(overtaken({ ...claim, committedBy: 0 }, checkpointed(2, 1, 0))).toBe(true);
  });

  it('is not overtaken by its own owners, nor without a checkpoint', () => {
    expect(overtaken(claim, checkpointed(2, 4, 7))).toBe(false);
    expect(overtaken(claim, checkpointed(2, 3, 7))).toBe(false);
    expect(overtaken(claim, null)).toBe(false);
  });

  it('is overtaken by another generation only where that has published after the checkpoint it has seen', () => {
    const before = checkpointed(1, 5, 2);
    expect(overtaken(claim, before, checkpointKey(before))).toBe(false);
    for (const since of [checkpointed(1, 5, 3), checkpointed(1, 6, 2), checkpointed(3, 5, 2)])
      expect(overtaken(claim, since, checkpointKey(before))).toBe(true);
    expect(overtaken(claim, before)).toBe(true);
  });

  it('is not overtaken by a checkpoint without an owner, as those of version 0.1', () => {
    expect(overtaken(claim, { offset: 7, metadata: '' })).toBe(false);
  });
});
