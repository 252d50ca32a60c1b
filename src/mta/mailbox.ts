/** The messages of an mbox, or the one message that the bytes are. */
export function* messagesOf(bytes: Buffer): Generator<Buffer> {
  yield bytes;
}
