import type { Store, TaskAddress } from './store';

type Entry = readonly [field: Buffer, value: Buffer];

/** At most so many entries per page: about the size of one commit. */
const PAGE = 500;

/** Splits a list into parts of at most `size`, in order. */
export function* inPortions<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/** A hash of a task, page by page. An entry may appear twice; none that exists throughout is missed. */
export async function* pagesOf(
  store: Pick<Store, 'scan'>,
  address: TaskAddress,
  hash: string,
): AsyncGenerator<readonly Entry[]> {
  let cursor = '0';
  do {
    const page = await store.scan(address, hash, cursor);
    cursor = page.cursor;
    yield* inPortions(page.entries, PAGE);
  } while (cursor !== '0');
}
