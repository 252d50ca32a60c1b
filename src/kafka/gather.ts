import { isRetriable } from '../base/errors';

interface Call<Item> {
  readonly items: readonly Item[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One `send` at a time is in flight; the items of the calls that wait for it go together in the next one, in the order of the
 * calls. What one call's items are refused for fails that call alone: of a refused send with several calls, each is sent by
 * itself. An outage fails all of them.
 */
export function gathered<Item>(
  send: (items: readonly Item[]) => Promise<void>,
): (items: readonly Item[]) => Promise<void> {
  let waiting: Call<Item>[] = [];
  let isSending = false;

  const sendAll = async (calls: readonly Call<Item>[]): Promise<void> => {
    try {
      await send(calls.flatMap(({ items }) => items));
      for (const call of calls) call.resolve();
    } catch (error) {
      if (calls.length > 1 && !isRetriable(error)) for (const call of calls) await sendAll([call]);
      else for (const call of calls) call.reject(error);
    }
  };
  const sendWaiting = async (): Promise<void> => {
    isSending = true;
    while (waiting.length > 0) {
      const calls = waiting;
      waiting = [];
      await sendAll(calls);
    }
    isSending = false;
  };

  return (items) =>
    new Promise((resolve, reject) => {
      waiting.push({ items, resolve, reject });
      if (!isSending) void sendWaiting();
    });
}
