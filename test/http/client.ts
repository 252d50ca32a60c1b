import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../../src/base/clock';

/** The other end of a connection. */
export interface Client {
  readonly socket: Socket;
  send(text: string): void;
  /** What has been received. */
  received(): string;
  isOpen(): boolean;
  close(): void;
}

export const LOCAL = '127.0.0.1';
/** Another network, by the bounds. */
export const OTHER = '127.0.0.2';

/** Lets routes listen on loopback, and returns the port. */
export async function portOf(routes: FastifyInstance): Promise<number> {
  return Number(new URL(await routes.listen({ host: LOCAL, port: 0 })).port);
}

/** Connects from a loopback address. A client that does not read leaves everything to the system's buffers. */
export async function clientOf(
  port: number,
  { from = LOCAL, reads = true }: { readonly from?: string; readonly reads?: boolean } = {},
): Promise<Client> {
  const socket = connect({ port, host: LOCAL, localAddress: from });
  let text = '';
  let isOpen = true;
  socket.on('error', () => undefined).on('close', () => (isOpen = false));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  if (reads) socket.on('data', (piece) => (text += piece.toString('latin1')));
  return {
    socket,
    send: (request) => void socket.write(request),
    received: () => text,
    isOpen: () => isOpen,
    close: () => void socket.destroy(),
  };
}

export const requestOf = (path: string, method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** Waits until the condition holds, for a second and a half at most. */
export async function within(what: string, holds: () => boolean): Promise<void> {
  for (let left = 150; !holds(); left--) {
    if (left === 0) throw new Error(`${what}: not within a second and a half`);
    await systemClock.sleep(10);
  }
}
