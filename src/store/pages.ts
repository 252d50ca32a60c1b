import { inPortions } from '../base/portions';
import type { Store, TaskAddress } from './store';

type Entry = readonly [field: Buffer, value: Buffer];

/** Entries of a page at most: a page of one commit's size. */
const PAGE = 500;

/** A hash of a task, page by page. An entry may come twice, none that is there all the time is missed. */
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
