import Decoder from 'kafkajs/src/protocol/decoder';
import Encoder from 'kafkajs/src/protocol/encoder';

/*
 * Metadata, version 10: the first with topic ids, which kafkajs' versions lack. A flexible version: lengths are unsigned
 * varints, one higher than the length, and tagged fields end each structure, the header too.
 *
 *   Request  => [topic_id:uuid name] allow_auto_topic_creation:bool include_cluster_operations:bool include_topic_operations:bool
 *   Response => throttle_time_ms:int32 [node_id:int32 host port:int32 rack] cluster_id controller_id:int32
 *               [error_code:int16 name topic_id:uuid is_internal:bool [Partition] operations:int32] operations:int32
 *   Partition => error_code:int16 index:int32 leader:int32 leader_epoch:int32 [replica:int32] [in_sync:int32] [offline:int32]
 */
export const METADATA_API = 3;
export const VERSION_WITH_IDS = 10;

const ID_BYTES = 16;
const NO_ID = Buffer.alloc(ID_BYTES);
const NO_TAGS = 0;

/** The request, in the form that kafkajs queues; its answer holds the id of each topic that exists, by name. */
export function topicIdsRequest(topics: readonly string[]): object {
  return {
    request: {
      apiKey: METADATA_API,
      apiVersion: VERSION_WITH_IDS,
      apiName: 'Metadata',
      expectResponse: () => true,
      encode: async () => encode(topics),
    },
    response: {
      decode: async (bytes: Buffer) => readTopicIds(bytes),
      parse: async (ids: ReadonlyMap<string, string>) => ids,
    },
  };
}

/** The body, with the tagged fields of the header before it: kafkajs writes a header without them. */
function encode(topics: readonly string[]): Encoder {
  const body = new Encoder().writeUVarInt(NO_TAGS).writeUVarInt(topics.length + 1);
  for (const topic of topics) body.writeBuffer(NO_ID).writeUVarIntString(topic).writeUVarInt(NO_TAGS);
  for (const asked of [false, false, false]) body.writeBoolean(asked);
  return body.writeUVarInt(NO_TAGS);
}

/** The ids in a response, by the topics' names. Brokers before ids were introduced, or upgraded only in part, have none. */
export function readTopicIds(bytes: Buffer): ReadonlyMap<string, string> {
  const decoder = new Decoder(bytes);
  const ids = new Map<string, string>();
  const numbers = (): unknown => decoder.readUVarIntArray(() => decoder.readInt32());
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle_time_ms
  decoder.readUVarIntArray(() => {
    decoder.readInt32();
    decoder.readUVarIntString();
    decoder.readInt32();
    decoder.readUVarIntString();
    decoder.readTaggedFields();
  });
  decoder.readUVarIntString(); // cluster_id
  decoder.readInt32(); // controller_id
  decoder.readUVarIntArray(() => {
    const errorCode = decoder.readInt16();
    const name = decoder.readUVarIntString() ?? '';
    const id = Buffer.from(decoder.readBytes(ID_BYTES) ?? NO_ID);
    if (errorCode === 0 && !id.equals(NO_ID)) ids.set(name, id.toString('base64url'));
    decoder.readBoolean();
    decoder.readUVarIntArray(() => {
      decoder.readInt16();
      for (const _ of ['partition', 'leader', 'leader epoch']) decoder.readInt32();
      for (const _ of ['replicas', 'in sync', 'offline']) numbers();
      decoder.readTaggedFields();
    });
    decoder.readInt32();
    decoder.readTaggedFields();
  });
  return ids;
}
