import { FRAME_BYTES, writeFrame } from '../avro/frame';
import type { Feedback, FeedbackKind } from './feedback';
import { SCHEMAS } from './schemas';

/** Feedback as the bytes of a record's value. */
export type Encode = (feedback: Feedback) => Buffer;

const SLAB_BYTES = 1 << 20;

/**
 * Encodes into Confluent's wire format. Values are slices of large slabs, which costs half of one buffer per value. A value
 * of more than 1 MiB throws `RangeError`.
 */
export function wireEncoder(ids: { readonly [K in FeedbackKind]: number }): Encode {
  let slab = Buffer.allocUnsafe(SLAB_BYTES);
  let used = 0;
  return (feedback) => {
    const { type } = SCHEMAS[feedback.kind];
    for (const room of [SLAB_BYTES - used, SLAB_BYTES]) {
      if (room === SLAB_BYTES && used > 0) {
        slab = Buffer.allocUnsafe(SLAB_BYTES);
        used = 0;
      }
      const end = room < FRAME_BYTES ? -1 : type.encode(feedback, slab, used + FRAME_BYTES);
      if (end < 0) continue;
      writeFrame(slab, used, ids[feedback.kind]);
      const value = slab.subarray(used, end);
      used = end;
      return value;
    }
    throw new RangeError(`a ${feedback.kind} does not fit into ${SLAB_BYTES} bytes`);
  };
}
