import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../servers/child';

/** A port in front of a server that can be closed: the server keeps its memory, and seems stopped. */
export interface Front {
  readonly url: string;
  /** How many connections it has taken so far. */
  connections(): number;
  /** Ends every connection and refuses new ones. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
}

/** Opens a front before the server of an http URL. */
export async function openFront(target: string): Promise<Front> {
  const { hostname, port, pathname } = new URL(target);
  const sockets = new Set<Socket>();
  const own = await freePort();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const behind = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const accept = (): Promise<void> => new Promise((resolve) => server.listen(own, '127.0.0.1', resolve));
  await accept();
  server.unref();
  return {
    url: `http://127.0.0.1:${own}${pathname}`,
    connections: () => connections,
    accept,
    refuse: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
