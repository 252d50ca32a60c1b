import { reserve } from '../../src/tasks/throttle';

describe('the rate of a rebuild', () => {
  it('limits the records in the long run, after a short burst', () => {
    let [freeAt, now, folded] = [-Infinity, 0, 0];
    while (now < 10_000) {
      const reserved = reserve(freeAt, now, 100, 1_000);
      folded += 100;
      freeAt = reserved.freeAt;
      now += Math.max(1, reserved.waitMs);
    }
    expect(folded).toBeGreaterThanOrEqual(10_000);
    expect(folded).toBeLessThanOrEqual(10_400);
  });

  it('allows only a short burst after a pause', () => {
    expect(reserve(0, 60_000, 250, 1_000).waitMs).toBe(0);
    expect(reserve(0, 60_000, 1_250, 1_000).waitMs).toBe(1_000);
  });
});
