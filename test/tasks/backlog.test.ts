import { lingerOf, openBacklog } from '../../src/tasks/backlog';

const settings = { lingerMs: 100, batchMax: 50 };

describe('the backlog of a worker', () => {
  it('is the sum over its tasks, without those that have ended', () => {
    const backlog = openBacklog();
    expect(backlog.records()).toBe(0);
    backlog.note(0, 300);
    backlog.note(1, 150);
    backlog.note(0, 200);
    expect(backlog.records()).toBe(350);
    backlog.forget(0);
    backlog.forget(7);
    expect(backlog.records()).toBe(150);
  });

  it('makes the linger five times as long while it exceeds ten full batches', () => {
    const backlog = openBacklog();
    expect(lingerOf(settings, backlog)).toBe(100);
    backlog.note(0, 200);
    backlog.note(1, 300);
    expect(lingerOf(settings, backlog)).toBe(100);
    backlog.note(1, 301);
    expect(lingerOf(settings, backlog)).toBe(500);
    backlog.forget(1);
    expect(lingerOf(settings, backlog)).toBe(100);
  });
});
