import { promisify } from 'node:util';
import { type InputType, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';

/** - `unknown-encoding`: of the `Content-Encoding`. - `too-large`: inflated. - `corrupt`: no such encoding. */
export type Inflated = Buffer | 'unknown-encoding' | 'too-large' | 'corrupt';

type Decode = (bytes: InputType, options: ZlibOptions) => Promise<Buffer>;

const ZLIB_METHOD = 8;

/** `deflate` is zlib's form (RFC 9110), and of some senders the bare one. */
const DECODERS: Readonly<Record<string, (bytes: Buffer) => Decode>> = {
  gzip: () => promisify(gunzip),
  'x-gzip': () => promisify(gunzip),
  deflate: ([first = 0]) => promisify((first & 0x0f) === ZLIB_METHOD ? inflate : inflateRaw),
};

/** A body without its encoding; never more than `maxBytes` of it are held. */
export async function inflated(bytes: Buffer, encoding: string, maxBytes: number): Promise<Inflated> {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return bytes;
  const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (decoder === undefined) return 'unknown-encoding';
  try {
    return await decoder(bytes)(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'corrupt';
  }
}
