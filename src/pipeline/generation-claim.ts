import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';

/*
 * The name of a generation is in the keys of its contributions and barriers, and is never given twice: it lies in the log
 * before the generation is made. A life whose state was lost may have records under way, and whoever comes next must not
 * take them for its own.
 */

/** Where names are taken. */
export const NAMES_PARTITION = 0;

/** The record by which one of those who want a name asks for it; `token` is that one's own. It contributes nothing. */
export function nameRecord(
  generation: number,
  token: string,
  contribution: WireType<Contribution>,
): OutgoingRecord {
  return {
    topic: CONTRIBUTIONS_TOPIC,
    partition: NAMES_PARTITION,
    key: Buffer.from(`/${generation}~${token}`, 'latin1'),
    value: contribution.encode({ ...emptySum('', 0), deliveryId: null }),
  };
}

const NAME = /\/(\d{1,15})(?:\.\d+|~\w+)$/;

/** The generation that the key of a record in the contributions topic names; 0 where it names none. */
export function nameIn(key: Buffer | null): number {
  return Number(NAME.exec(key?.toString('latin1') ?? '')?.[1] ?? 0);
}
