import { EfsError, type ErrorCode, ERRORS } from '../../src/base/errors';
import type { Outages } from '../../src/tasks/outages';
import { retryUntil, Stopped, unlessAborted } from '../../src/tasks/retry';
import { turn, virtualClock } from '../support/clock';

function given(random = 0) {
  const clock = virtualClock();
  const abort = new AbortController();
  const waiting = new Set<unknown>();
  const outages: Outages = {
    failed: (party) => void waiting.add(party),
    answered: (party) => void waiting.delete(party),
  };
  const retry = retryUntil(abort.signal, { clock, random: () => random, outages });
  return { clock, abort, waiting, retry };
}

const failing = (code: ErrorCode) => async (): Promise<never> => {
  throw new EfsError(code, 'no');
};

describe('a retry', () => {
  it('goes on until the attempt succeeds, and then ends its part in the outage', async () => {
    const { clock, waiting, retry } = given();
    let left = 3;
    const result = retry(async () => {
      if (left-- > 0) throw new EfsError('kafka-unavailable', 'no');
      return 'done';
    });
    for (let i = 0; i < 3; i += 1) {
      await turn();
      expect(waiting.size).toBe(1);
      clock.advance(5_000);
    }
    expect(await result).toBe('done');
    expect(waiting.size).toBe(0);
  });

  it('waits 50 ms, then twice as long each time, at most 500 ms', async () => {
    const { clock, abort, retry } = given();
    const at: number[] = [];
    const result = retry(async () => {
      at.push(clock.monotonic());
      throw new EfsError('redis-unavailable', 'no');
    }).catch((error: unknown) => error);
    while (at.length < 10) {
      await turn();
      clock.advance(50);
    }
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(waits).toEqual([50, 100, 200, 400, 500, 500, 500, 500, 500]);
    abort.abort();
    expect(await result).toBeInstanceOf(Stopped);
  });

  it('jitters its delay down by up to a half, so that many retries do not coincide', async () => {
    const { clock, retry } = given(0.9999);
    let attempts = 0;
    void retry(async () => {
      attempts += 1;
      if (attempts === 1) throw new EfsError('redis-unavailable', 'no');
    });
    await turn();
    clock.advance(24);
    await turn();
    expect(attempts).toBe(1);
    clock.advance(2);
    await turn();
    expect(attempts).toBe(2);
  });

  const codes = Object.keys(ERRORS) as ErrorCode[];

  it.each(codes.filter((code) => !ERRORS[code].retriable))(
    'rethrows the non-retriable error %s',
    async (code) => {
      const { retry, waiting } = given();
      await expect(retry(failing(code))).rejects.toMatchObject({ code });
      expect(waiting.size).toBe(0);
    },
  );

  it('rethrows an error that is not in the table', async () => {
    const { retry } = given();
    await expect(retry(async () => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
  });

  it('is aborted at once: in a wait, in an attempt that hangs, and before the first attempt', async () => {
    const waiting = given();
    const inWait = waiting.retry(failing('kafka-unavailable'));
    const hanging = given();
    const inAttempt = hanging.retry(() => new Promise<never>(() => undefined));
    await turn();
    waiting.abort.abort();
    hanging.abort.abort();
    await expect(inWait).rejects.toBeInstanceOf(Stopped);
    await expect(inAttempt).rejects.toBeInstanceOf(Stopped);
    expect(waiting.waiting.size).toBe(0);
    let attempts = 0;
    await expect(waiting.retry(async () => attempts++)).rejects.toBeInstanceOf(Stopped);
    expect(attempts).toBe(0);
  });

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    await unlessAborted(signal, async () => 1);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});
