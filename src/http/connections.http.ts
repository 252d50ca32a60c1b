import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Clock } from '../base/clock';
import { type Bounds, networkOf, shareOf } from './budget.http';

/*
 * Keeps the connections of a server within the budget. It knows nothing of what is asked:
 *
 * - A connection is silent while it has no whole request that is unanswered. At the bound, of all or of its network, the
 *   one that is silent longest is closed for the new one: silence, slow headers and slow bodies shut no one out.
 * - A connection that sends more requests than it reads answers is closed.
 * - Answers that are not taken are held in memory. Beyond the bound of all, the network that holds most loses the
 *   connection that holds most; and a connection that takes nothing for long is closed, whatever it holds.
 */

type Socket = IncomingMessage['socket'];

interface Connection {
  readonly socket: Socket;
  readonly network: Network;
  /** The answers that are not taken yet, with their bytes; 0 while they are made, and for what has no end. */
  readonly answers: Map<ServerResponse, number>;
  /** What the client had taken, and when: it has progressed that far. */
  taken: number;
  since: number;
}

interface Network {
  readonly name: string;
  readonly connections: Set<Connection>;
  /** The longest silent one first. */
  readonly silent: Set<Connection>;
}

/** All connections of a server. */
interface State {
  readonly bounds: Bounds;
  readonly clock: Clock;
  readonly connections: Map<Socket, Connection>;
  readonly networks: Map<string, Network>;
  /** The longest silent one first. */
  readonly silent: Set<Connection>;
  /** Those with answers that are not taken. */
  readonly asking: Set<Connection>;
  /** Bytes of those answers. */
  untaken: number;
  /** Whether their progress is watched. */
  isWatched: boolean;
}

export interface Connections {
  /** A server whose requests are passed on while they are within the budget. */
  serve(listener: RequestListener): Server;
  /** An answer of so many bytes is about to be written. */
  answering(response: ServerResponse, bytes: number): void;
}

export function boundedConnections(bounds: Bounds, clock: Clock): Connections {
  const state: State = {
    bounds,
    clock,
    connections: new Map(),
    networks: new Map(),
    silent: new Set(),
    asking: new Set(),
    untaken: 0,
    isWatched: false,
  };
  return {
    serve: (listener) =>
      boundedServer(guarded(state, listener), bounds).on('connection', (socket) => admit(state, socket)),
    answering: (response, bytes) => hold(state, response, bytes),
  };
}

function boundedServer(listener: RequestListener, bounds: Bounds): Server {
  const server = createServer(
    {
      headersTimeout: bounds.headersTimeoutMs,
      requestTimeout: bounds.requestTimeoutMs,
      connectionsCheckingInterval: bounds.timeoutsCheckedEveryMs,
      keepAliveTimeout: bounds.keepAliveMs,
      maxHeaderSize: bounds.headerBytes,
    },
    listener,
  );
  server.maxRequestsPerSocket = bounds.requestsPerConnection;
  // The last answer has said so. Node would answer these itself, as many as are sent.
  server.on('dropRequest', (_, socket) => socket.destroy());
  // Closed connections count until the event loop comes around; new ones must not be refused for them.
  server.maxConnections = 2 * bounds.connections;
  return server;
}

/** Takes a connection, in place of a silent one where there is no room. */
function admit(state: State, socket: Socket): void {
  const { bounds, connections, networks, silent } = state;
  const name = networkOf(socket.remoteAddress);
  const known = networks.get(name);
  const hasRoom =
    makeRoom(state, known?.connections.size ?? 0, shareOf(bounds.connections), known?.silent) &&
    makeRoom(state, connections.size, bounds.connections, silent);
  if (!hasRoom) return void socket.destroy();
  // The network is another one where its last connection was closed for this one.
  const network = networks.get(name) ?? { name, connections: new Set(), silent: new Set() };
  const connection: Connection = { socket, network, answers: new Map(), taken: 0, since: 0 };
  networks.set(name, network);
  network.connections.add(connection);
  connections.set(socket, connection);
  setSilent(state, connection, true);
  socket.once('close', () => forget(state, connection));
}

/** Whether there is room for one more, by closing the longest silent one where there would be none. */
function makeRoom(state: State, count: number, bound: number, silent: ReadonlySet<Connection> = new Set()) {
  if (count < bound) return true;
  const [longest] = silent;
  if (longest !== undefined) drop(state, longest);
  return longest !== undefined;
}

function setSilent({ silent }: State, connection: Connection, isSilent: boolean): void {
  for (const each of [silent, connection.network.silent]) {
    each.delete(connection);
    if (isSilent) each.add(connection);
  }
}

function drop(state: State, connection: Connection): void {
  forget(state, connection);
  connection.socket.destroy();
}

function forget(state: State, connection: Connection): void {
  const { connections, networks } = state;
  const { socket, network, answers } = connection;
  if (!connections.delete(socket)) return;
  for (const response of [...answers.keys()]) {
    finish(state, connection, response);
    // Node closes the answer that is being written, but not those that wait behind it.
    if (response.socket === null) response.destroy().emit('close');
  }
  setSilent(state, connection, false);
  network.connections.delete(connection);
  if (network.connections.size === 0) networks.delete(network.name);
}

/** Passes on the requests that are within the budget. */
function guarded(state: State, listener: RequestListener): RequestListener {
  const { bounds, connections } = state;
  return (request, response) => {
    const connection = connections.get(request.socket);
    // Closed meanwhile: what else it had sent is still parsed, but not answered.
    if (connection === undefined) return;
    const { answers } = connection;
    const isBehind =
      answers.size >= bounds.unansweredPerConnection || untakenOf(connection) > bounds.untakenBytesBeforeNext;
    if (isBehind) return drop(state, connection);
    begin(state, connection, response);
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const onWhole = (): void => {
      if (answers.has(response)) setSilent(state, connection, false);
    };
    if (length === undefined && encoding === undefined) onWhole();
    else request.once('end', onWhole);
    listener(request, response);
  };
}

function begin(state: State, connection: Connection, response: ServerResponse): void {
  if (connection.answers.size === 0) hasProgressed(state, connection);
  connection.answers.set(response, 0);
  state.asking.add(connection);
  response.once('close', () => finish(state, connection, response));
  if (!state.isWatched) void watch(state);
}

/** The answer is taken, or there is no one left to take it. */
function finish(state: State, connection: Connection, response: ServerResponse): void {
  const { answers } = connection;
  state.untaken -= answers.get(response) ?? 0;
  if (!answers.delete(response) || answers.size > 0) return;
  state.asking.delete(connection);
  if (state.connections.has(connection.socket)) setSilent(state, connection, true);
}

/** Holds the bytes of an answer until they are taken. */
function hold(state: State, response: ServerResponse, bytes: number): void {
  const connection = state.connections.get(response.req.socket);
  // A request without a connection is a test's, or its client has gone.
  if (connection?.answers.has(response) !== true) return;
  connection.answers.set(response, bytes);
  state.untaken += bytes;
  while (state.untaken > state.bounds.untakenBytes) {
    const network = heaviest(state.networks.values(), (each) => sum([...each.connections].map(untakenOf)));
    const largest = heaviest(network?.connections ?? [], untakenOf);
    if (largest === null) return;
    drop(state, largest);
  }
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
const untakenOf = ({ answers }: Connection): number => sum(answers.values());

/** The one of which `measure` is greatest. */
function heaviest<T>(items: Iterable<T>, measure: (item: T) => number): T | null {
  let [most, size]: [T | null, number] = [null, 0];
  for (const item of items) {
    const own = measure(item);
    if (own > size) [most, size] = [item, own];
  }
  return most;
}

/** Bytes that the system has taken of what was written. Node tells of a chunk that is taken in part at the handle only. */
function takenFrom(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { bytesWritten: number; writeQueueSize: number } | null };
  return handle ? handle.bytesWritten - handle.writeQueueSize : Infinity;
}

function hasProgressed({ clock }: State, connection: Connection): void {
  connection.taken = takenFrom(connection.socket);
  connection.since = clock.monotonic();
}

/** Closes connections whose clients take nothing of their answers, for as long as there are any to watch. */
async function watch(state: State): Promise<void> {
  const { bounds, clock, asking } = state;
  state.isWatched = true;
  while (asking.size > 0) {
    await clock.sleep(bounds.stallsCheckedEveryMs);
    for (const connection of [...asking]) {
      const { socket, taken, since } = connection;
      const takes = socket.writableLength === 0 || takenFrom(socket) - taken >= bounds.leastTakenBytes;
      if (takes) hasProgressed(state, connection);
      else if (clock.monotonic() - since >= bounds.stalledMs) drop(state, connection);
    }
  }
  state.isWatched = false;
}
