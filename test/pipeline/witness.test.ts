import { isOvertaken, witnessOf } from '../../src/pipeline/witness';

const claimed = { positions: [7], committedBy: 4 };
const second = { generation: 2 };
const witnessed = (generation: number, epoch: number, position: number) =>
  witnessOf({ generation }, { epoch, positions: [position] });

describe('a state that was claimed', () => {
  it('is overtaken where records of later positions were published', () => {
    expect(isOvertaken(second, claimed, witnessed(2, 4, 8))).toBe(true);
    expect(isOvertaken(second, claimed, witnessed(1, 4, 8))).toBe(true);
    expect(isOvertaken(second, claimed, { offset: 8, note: '' })).toBe(true);
  });

  it('is overtaken where an owner has published that it does not know of, wherever that one stood', () => {
    expect(isOvertaken(second, claimed, witnessed(2, 5, 3))).toBe(true);
    expect(isOvertaken(second, { ...claimed, committedBy: 0 }, witnessed(2, 1, 0))).toBe(true);
  });

  it('is not overtaken by its own owners, by those of another generation, or where nothing was published', () => {
    expect(isOvertaken(second, claimed, witnessed(2, 4, 7))).toBe(false);
    expect(isOvertaken(second, claimed, witnessed(2, 3, 7))).toBe(false);
    expect(isOvertaken(second, claimed, witnessed(1, 5, 7))).toBe(false);
    expect(isOvertaken(second, claimed, null)).toBe(false);
  });

  it('is not overtaken by a witness that says nothing of its owner, as those of version 0.1', () => {
    expect(isOvertaken(second, claimed, { offset: 7, note: '' })).toBe(false);
  });
});
