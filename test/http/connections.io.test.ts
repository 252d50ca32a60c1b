import type { FastifyInstance } from 'fastify';
import { systemClock } from '../../src/base/clock';
import { BOUNDS, type Bounds, networkOf } from '../../src/http/budget.http';
import { createMetrics } from '../../src/http/metrics';
import { httpRoutes } from '../../src/http/server.http';
import { createHealth } from '../../src/queries/health';
import { type Client, clientOf, OTHER, portOf, requestOf, within } from './client';

const MIB = 1024 * 1024;
/** More than the system's buffers of both ends take. */
const LARGE = 'x'.repeat(16 * MIB);

describe('the connections', () => {
  let routes: FastifyInstance;
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await routes.close();
  });

  /** Probes, and routes that cost: never answered, long, and read by its body. */
  async function listen(bounds: Partial<Bounds> = {}): Promise<{ port: number; waiting: () => number }> {
    const metrics = createMetrics({ version: '1', node: 'v20' });
    let waiting = 0;
    routes = httpRoutes({ host: '127.0.0.1', health: createHealth({}), metrics, bounds });
    routes.get('/waits', () => new Promise(() => (waiting += 1)));
    routes.get('/large', async () => LARGE);
    routes.post('/body', async () => 'taken');
    return { port: await portOf(routes), waiting: () => waiting };
  }
  const open = async (port: number, how?: Parameters<typeof clientOf>[1]): Promise<Client> => {
    const client = await clientOf(port, how);
    clients.push(client);
    return client;
  };
  const probe = async (port: number, from?: string): Promise<number> => {
    const began = systemClock.monotonic();
    const client = await open(port, from === undefined ? {} : { from });
    client.send(requestOf('/livez'));
    await within('the probe is answered', () => client.received().includes('{"live":true}'));
    return systemClock.monotonic() - began;
  };
  const opened = (): number => clients.filter((each) => each.isOpen()).length;

  test('one with a thousand pipelined requests is closed, and only as many as may be unanswered are begun', async () => {
    const { port, waiting } = await listen();
    const client = await open(port);
    client.send(requestOf('/waits').repeat(1_000));
    await within('it is closed', () => !client.isOpen());
    expect(waiting()).toBe(BOUNDS.unansweredPerConnection);
  });

  test('one that pipelines as many as may be unanswered gets all answers', async () => {
    const { port } = await listen();
    const client = await open(port);
    client.send(requestOf('/livez').repeat(BOUNDS.unansweredPerConnection));
    await within('all are answered', () => client.received().split('{"live":true}').length === 5);
  });

  test('one that asks for more before it has taken a long answer is closed', async () => {
    const { port } = await listen();
    const client = await open(port, { reads: false });
    client.send(requestOf('/large'));
    await systemClock.sleep(100);
    client.send(requestOf('/livez'));
    client.socket.resume();
    await within('it is closed', () => !client.isOpen());
    expect(client.socket.bytesRead).toBeLessThan(LARGE.length);
  });

  test('those that hold most of the answers not taken are closed, and those of other networks are not', async () => {
    const { port } = await listen({ untakenBytes: 3.5 * LARGE.length });
    const other = await open(port, { from: OTHER, reads: false });
    other.send(requestOf('/large'));
    for (let i = 0; i < 8; i++) (await open(port, { reads: false })).send(requestOf('/large'));
    await systemClock.sleep(200);
    for (const { socket } of clients) socket.resume();
    const whole = (): Client[] => clients.filter(({ socket }) => socket.bytesRead > LARGE.length);
    await within('the rest is closed', () => opened() === 3 && whole().length === 3);
    expect(whole()).toContain(other);
  });

  test('one that takes nothing of its answer is closed in time, one that takes it slowly is not', async () => {
    const { port } = await listen({ stalledMs: 500, stallsCheckedEveryMs: 50 });
    const [stuck, slow] = [await open(port, { reads: false }), await open(port, { reads: false })];
    for (const client of [stuck, slow]) client.send(requestOf('/large'));
    let allowed = 0;
    slow.socket.on('data', () => {
      if (slow.socket.bytesRead > allowed) slow.socket.pause();
    });
    for (; allowed < LARGE.length; allowed += MIB) {
      slow.socket.resume();
      await systemClock.sleep(50);
    }
    slow.socket.resume();
    await within('the slow one has its answer', () => slow.socket.bytesRead > LARGE.length);
    stuck.socket.resume();
    await within('the other is closed', () => !stuck.isOpen());
    expect(stuck.socket.bytesRead).toBeLessThan(LARGE.length);
  });

  test.each([
    ['say nothing', ''],
    ['send half a header', 'GET /livez HTTP/1.1\r\nHost:'],
    [
      'send half a body',
      'POST /body HTTP/1.1\r\nHost: x\r\ncontent-length: 9\r\ncontent-type: text/plain\r\n\r\nx',
    ],
    ['are idle after an answer', requestOf('/livez')],
  ])('connections that %s give way to new ones: probes are answered from any address', async (_, text) => {
    const { port } = await listen({ connections: 20 });
    for (let i = 0; i < 60; i++) (await open(port, i < 40 ? {} : { from: OTHER })).send(text);
    expect(await probe(port)).toBeLessThan(1_000);
    expect(await probe(port, OTHER)).toBeLessThan(1_000);
    expect(await probe(port, '127.0.0.3')).toBeLessThan(1_000);
    await within('the rest is closed', () => opened() <= 20);
  });

  test('one network takes at most half of all, whatever it does there', async () => {
    const { port } = await listen({ connections: 20 });
    for (let i = 0; i < 40; i++) (await open(port)).send(requestOf('/waits'));
    await within('the rest is closed', () => opened() <= 10);
    expect(await probe(port, OTHER)).toBeLessThan(1_000);
    expect(opened()).toBe(11);
  });

  test('headers and bodies that do not arrive in time end their connection', async () => {
    const { port } = await listen({
      headersTimeoutMs: 200,
      requestTimeoutMs: 300,
      timeoutsCheckedEveryMs: 100,
    });
    const [quiet, body] = [await open(port), await open(port)];
    body.send('POST /body HTTP/1.1\r\nHost: x\r\ncontent-length: 9\r\ncontent-type: text/plain\r\n\r\nx');
    await within('both are closed', () => !quiet.isOpen() && !body.isOpen());
  });

  test('headers beyond their bound are refused, a thousand cookies with them', async () => {
    const { port } = await listen();
    const client = await open(port);
    client.send(
      `GET /livez HTTP/1.1\r\nHost: x\r\n${'Cookie: efs_session=1.xxxxxxxx\r\n'.repeat(1_000)}\r\n`,
    );
    await within('it is refused', () => client.received().startsWith('HTTP/1.1 431 '));
  });

  test('one that has asked as often as it may is told to close, and closed when it asks again', async () => {
    const { port } = await listen({ requestsPerConnection: 2 });
    const client = await open(port);
    client.send(requestOf('/livez'));
    await within('the first is answered', () => client.received().includes('{"live":true}'));
    expect(client.received()).not.toMatch(/^connection: close/im);
    client.send(requestOf('/livez'));
    await within('the last is answered', () => client.received().split('{"live":true}').length === 3);
    expect(client.received()).toMatch(/^connection: close/im);
    client.send(requestOf('/livez'));
    await within('it is closed', () => !client.isOpen());
    expect(client.received()).not.toContain(' 503 ');
  });
});

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
])('the address %s counts for the network %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
