interface Call<Item> {
  readonly items: readonly Item[];
  resolve(): void;
  reject(error: unknown): void;
}

/** What one send takes at most of several calls: beyond it the rest waits for the next. */
const ITEMS_MAX = 4_000;

/** Of the calls that wait, those of the next send: at least one, in order. */
function nextOf<Item>(waiting: Call<Item>[]): Call<Item>[] {
  let items = 0;
  const end = waiting.findIndex((call, index) => (items += call.items.length) > ITEMS_MAX && index > 0);
  return waiting.splice(0, end === -1 ? waiting.length : end);
}

/**
 * One `send` at a time; the items of the calls that wait for it go together in the next one, in the order of the calls. Where a
 * send of several calls fails, each of them is sent once more by itself, beside the others: what is wrong with the items of one
 * call, or with the partition they are for, fails that call alone.
 */
export function gathered<Item>(
  send: (items: readonly Item[]) => Promise<void>,
): (items: readonly Item[]) => Promise<void> {
  const waiting: Call<Item>[] = [];
  let isSending = false;

  const sendTogether = async (calls: readonly Call<Item>[]): Promise<void> => {
    try {
      await send(calls.flatMap(({ items }) => items));
      for (const call of calls) call.resolve();
    } catch (error) {
      if (calls.length > 1) await Promise.all(calls.map((call) => sendTogether([call])));
      else calls[0]?.reject(error);
    }
  };
  const sendWaiting = async (): Promise<void> => {
    isSending = true;
    while (waiting.length > 0) await sendTogether(nextOf(waiting));
    isSending = false;
  };

  return (items) =>
    new Promise((resolve, reject) => {
      waiting.push({ items, resolve, reject });
      if (!isSending) void sendWaiting();
    });
}
