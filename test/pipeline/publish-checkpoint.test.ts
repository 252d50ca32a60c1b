import type { Committed } from '../../src/log/source';
import { isOvertaken, seenAs, witnessOf } from '../../src/pipeline/publish-checkpoint';

const claimed = { positions: [7], committedBy: 4 };
const overtaken = (state: typeof claimed, witness: Committed | null, seen: string | null = null) =>
  isOvertaken({ stateId: 2 }, state, witness, seen);
const witnessed = (generation: number, epoch: number, position: number) =>
  witnessOf({ stateId: generation }, { epoch, positions: [position] });

describe('a state that was claimed', () => {
  it('is overtaken where records of later positions were published', () => {
    expect(overtaken(claimed, witnessed(2, 4, 8))).toBe(true);
    expect(overtaken(claimed, witnessed(1, 4, 8))).toBe(true);
    expect(overtaken(claimed, { offset: 8, note: '' })).toBe(true);
  });

  it('is overtaken where an owner has published that it does not know of, wherever that one stood', () => {
    expect(overtaken(claimed, witnessed(2, 5, 3))).toBe(true);
    expect(overtaken({ ...claimed, committedBy: 0 }, witnessed(2, 1, 0))).toBe(true);
  });

  it('is not overtaken by its own owners, nor where nothing was published', () => {
    expect(overtaken(claimed, witnessed(2, 4, 7))).toBe(false);
    expect(overtaken(claimed, witnessed(2, 3, 7))).toBe(false);
    expect(overtaken(claimed, null)).toBe(false);
  });

  it('is overtaken by another generation that has published since it saw the log', () => {
    const before = witnessed(1, 5, 2);
    expect(overtaken(claimed, before, seenAs(before))).toBe(false);
    for (const since of [witnessed(1, 5, 3), witnessed(1, 6, 2), witnessed(3, 5, 2)])
      expect(overtaken(claimed, since, seenAs(before))).toBe(true);
    expect(overtaken(claimed, before)).toBe(true);
  });

  it('is not overtaken by a witness that says nothing of its owner, as those of version 0.1', () => {
    expect(overtaken(claimed, { offset: 7, note: '' })).toBe(false);
  });
});
