import Decoder from 'kafkajs/src/protocol/decoder';
import Encoder from 'kafkajs/src/protocol/encoder';

/*
 * Metadata, version 10: the first with topic ids, and with the user's operations, which kafkajs' versions lack. A flexible version: lengths are unsigned
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
/** Kafka's error code where the user may not describe the topic. */
const REFUSED = 29;

/** What the metadata has of a topic beside its partitions. */
export interface TopicMetadata {
  /** Null where it is missing, and where the broker is from before ids were introduced, or upgraded only in part. */
  readonly id: string | null;
  /** The operations that the user may perform, one bit for each of Kafka's numbers; of the topics that the user may describe. */
  readonly operations: number;
}

/** The request, in the form that kafkajs queues; its answer holds the metadata of each topic, by name. */
export function topicMetadataRequest(topics: readonly string[]): object {
  return {
    request: {
      apiKey: METADATA_API,
      apiVersion: VERSION_WITH_IDS,
      apiName: 'Metadata',
      expectResponse: () => true,
      encode: async () => encode(topics),
    },
    response: {
      decode: async (bytes: Buffer) => readTopicMetadata(bytes),
      parse: async (metadata: ReadonlyMap<string, TopicMetadata>) => metadata,
    },
  };
}

/** The body, with the tagged fields of the header before it: kafkajs writes a header without them. */
function encode(topics: readonly string[]): Encoder {
  const body = new Encoder().writeUVarInt(NO_TAGS).writeUVarInt(topics.length + 1);
  for (const topic of topics) body.writeBuffer(NO_ID).writeUVarIntString(topic).writeUVarInt(NO_TAGS);
  for (const asked of [false, false, true]) body.writeBoolean(asked);
  return body.writeUVarInt(NO_TAGS);
}

/** The topics in a response, by their names: those that exist, and those that the user may not describe. */
export function readTopicMetadata(bytes: Buffer): ReadonlyMap<string, TopicMetadata> {
  const decoder = new Decoder(bytes);
  const found = new Map<string, TopicMetadata>();
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
    decoder.readBoolean();
    decoder.readUVarIntArray(() => {
      decoder.readInt16();
      for (const _ of ['partition', 'leader', 'leader epoch']) decoder.readInt32();
      for (const _ of ['replicas', 'in sync', 'offline']) numbers();
      decoder.readTaggedFields();
    });
    const operations = decoder.readInt32();
    decoder.readTaggedFields();
    if (errorCode === REFUSED) found.set(name, { id: null, operations: 0 });
    if (errorCode === 0)
      found.set(name, { id: id.equals(NO_ID) ? null : id.toString('base64url'), operations });
  });
  return found;
}
