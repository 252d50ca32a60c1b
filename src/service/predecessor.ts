import { MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../kpi/sink';
import { SENT_FIELD } from '../pipeline/gate';
import { FLAGS_HASH } from '../store/hashes';
import { unpackOutbox } from '../store/outbox';
import type { Generations, Manifest, Store } from '../store/store';

/** The generation that a manifest took over from, where it is still on the list. */
export async function predecessorOf(
  store: Pick<Generations, 'list'>,
  manifest: Manifest,
): Promise<Manifest | null> {
  if (manifest.takesOver === null) return null;
  const listed = await store.list();
  return listed.find(({ generation }) => generation === manifest.takesOver) ?? null;
}

/** Changes of messages that the predecessor committed and may not have emitted; none once the silence has ended. */
export async function leftToSay(
  store: Store,
  manifest: Manifest,
  partition: number,
): Promise<OutgoingRecord[]> {
  const { generation, takesOver, publishedAs } = manifest;
  if (takesOver === null) return [];
  const task = { generation, pipeline: 'status', partition } as const;
  const [flags] = await store.load(task, [{ hash: FLAGS_HASH, fields: [SENT_FIELD] }]);
  if (Number(flags?.[0]?.toString('latin1') ?? -1) >= publishedAs) return [];
  const sealed = await store.seal({ ...task, generation: takesOver }, publishedAs - 1);
  return unpackOutbox(sealed?.outbox ?? null).filter(({ topic }) => topic === MESSAGE_STATUS_TOPIC);
}
