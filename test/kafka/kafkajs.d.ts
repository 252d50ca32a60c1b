/* kafkajs' own encoder and decoder, with which those of this service are compared. */

declare module 'kafkajs/src/protocol/recordBatch/record/v0' {
  const encode: (record: object) => object;
  export default encode;
}

declare module 'kafkajs/src/protocol/recordBatch/v0' {
  export function RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder' {
  interface KafkajsRecord {
    key: Buffer | null;
    value: Buffer | null;
    offset: string;
    timestamp: string;
    headers: object;
  }
  const decode: (decoder: object) => Promise<{ records: KafkajsRecord[] }>;
  export default decode;
}
