/* The internals of kafkajs 2.2.4 that src/kafka uses. */

declare module 'kafkajs/package.json' {
  export const version: string;
}

declare module 'kafkajs/src/protocol/decoder' {
  export default class Decoder {
    constructor(bytes: Buffer);
    readInt16(): number;
    readInt32(): number;
    readInt64(): bigint;
    readString(): string | null;
    readBytes(length?: number): Buffer | null;
    readBoolean(): boolean;
    readArray<T>(read: () => T): T[];
    readUVarIntString(): string | null;
    readUVarIntArray<T>(read: () => T): T[] | null;
    readTaggedFields(): object | null;
  }
}

declare module 'kafkajs/src/protocol/encoder' {
  export default class Encoder {
    readonly buffer: Buffer;
    writeInt16(value: number): Encoder;
    writeInt32(value: number): Encoder;
    writeString(text: string | null): Encoder;
    writeBytes(bytes: Buffer | string): Encoder;
    writeBuffer(bytes: Buffer): Encoder;
    writeBoolean(value: boolean): Encoder;
    writeUVarInt(value: number): Encoder;
    writeUVarIntString(text: string): Encoder;
  }
}

declare module 'kafkajs/src/protocol/error' {
  export function createErrorFromCode(errorCode: number): Error;
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/request' {
  const encode: (request: object) => object;
  export default encode;
}

declare module 'kafkajs/src/protocol/requests/joinGroup' {
  export function protocol(choice: { version: 5 }): (request: object) => object;
}

declare module 'kafkajs/src/protocol/requests/metadata/v6/response' {
  interface Metadata {
    readonly topicMetadata: readonly { readonly topicErrorCode: number }[];
  }
  const response: { parse(metadata: Metadata): Promise<Metadata> };
  export default response;
}

declare module 'kafkajs/src/protocol/requests/produce/v7/response' {
  export function decode(payload: unknown): Promise<object>;
}

declare module 'kafkajs/src/network/connection' {
  export default class Connection {
    socket: object | null | undefined;
    connect(): Promise<boolean>;
    disconnect(): Promise<boolean>;
  }
}

declare module 'kafkajs/src/network/requestQueue' {
  export default class RequestQueue {
    readonly pending: readonly object[];
    scheduleCheckPendingRequests(): void;
  }
}
