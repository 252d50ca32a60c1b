/*
 * Confluent's wire format, in which every value is framed:
 *
 *   Value => magic:int8 (0) schema_id:int32 (big-endian) Avro
 */

const MAGIC = 0;

/** The Avro value begins here. */
export const FRAME_BYTES = 5;

/** Why bytes are not framed, or null. */
export function frameFault(bytes: Buffer): string | null {
  if (bytes.length < FRAME_BYTES) return `only ${bytes.length} bytes`;
  return bytes[0] === MAGIC ? null : 'no magic byte';
}

/** The id of the writer's schema in framed bytes. */
export const schemaIdIn = (framed: Buffer): number => framed.readInt32BE(1);

/** Writes the frame in front of the Avro value at `at + FRAME_BYTES`. */
export function writeFrame(bytes: Buffer, at: number, schemaId: number): void {
  bytes[at] = MAGIC;
  bytes.writeInt32BE(schemaId, at + 1);
}
