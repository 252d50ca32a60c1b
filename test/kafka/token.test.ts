import { sharedToken, type Token } from '../../src/kafka/token';
import { virtualClock } from '../support/clock';

const HOUR_MS = 3_600_000;

describe('a shared token', () => {
  const clock = virtualClock();
  let asked: number;
  let answer: () => Promise<Token>;
  let token: () => Promise<string>;

  beforeEach(() => {
    asked = 0;
    answer = async () => ({ value: `token ${asked}`, lifetimeMs: HOUR_MS });
    token = sharedToken(() => {
      asked += 1;
      return answer();
    }, clock);
  });

  it('is requested once for concurrent callers', async () => {
    expect(await Promise.all(Array.from({ length: 20 }, token))).toEqual(Array(20).fill('token 1'));
    expect(asked).toBe(1);
  });

  it('is kept for four fifths of its lifetime, then replaced', async () => {
    expect(await token()).toBe('token 1');
    clock.advance(HOUR_MS * 0.79);
    expect(await token()).toBe('token 1');
    clock.advance(HOUR_MS * 0.02);
    expect(await token()).toBe('token 2');
    expect(asked).toBe(2);
  });

  it('is used for nine tenths of its lifetime where its renewal fails', async () => {
    await token();
    answer = () => Promise.reject(new Error('down'));
    clock.advance(HOUR_MS * 0.89);
    expect(await token()).toBe('token 1');
    clock.advance(HOUR_MS * 0.02);
    await expect(token()).rejects.toThrow('down');
  });

  it('is requested again a second after a failed request, and not before', async () => {
    answer = () => Promise.reject(new Error('down'));
    await expect(Promise.all([token(), token()])).rejects.toThrow('down');
    await expect(token()).rejects.toThrow('down');
    expect(asked).toBe(1);
    clock.advance(1_000);
    answer = async () => ({ value: 'late', lifetimeMs: HOUR_MS });
    expect(await token()).toBe('late');
    expect(asked).toBe(2);
  });
});
