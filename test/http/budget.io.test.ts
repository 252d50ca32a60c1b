import { systemClock } from '../../src/base/clock';
import { type Bounds, places, turns } from '../../src/http/budget.http';
import { createMetrics } from '../../src/http/metrics';
import { httpRoutes } from '../../src/http/server.http';
import { createHealth } from '../../src/queries/health';
import { feedback } from '../support/feedback';
import { type Client, clientOf, OTHER, portOf, requestOf, within } from './client';
import { open, type Opened } from './open';

test('places are shared: one network takes half of them, and what it gives back can be taken again', () => {
  const shared = places(4);
  const [first, second] = [shared.take('a'), shared.take('a')];
  expect([shared.take('a'), shared.take('b'), shared.take('c')]).toEqual([
    null,
    expect.any(Function),
    expect.any(Function),
  ]);
  expect(shared.take('d')).toBeNull();
  first?.();
  first?.();
  expect([shared.take('d'), shared.take('a')]).toEqual([expect.any(Function), null]);
  second?.();
  expect(shared.take('a')).not.toBeNull();
});

describe('the turns', () => {
  /** A clock that work advances; `rounds` has what was done between two rounds of the event loop. */
  const rig = (bounds: { waiting: number; inWork: number; sliceMs: number }) => {
    let now = 0;
    const rounds: number[] = [];
    const clock = {
      now: () => now,
      monotonic: () => now,
      sleep: async () => {
        rounds.push(0);
        await systemClock.sleep(0);
      },
    };
    const work = (ms: number) => () => {
      now += ms;
      rounds.push((rounds.pop() ?? 0) + ms);
      return 'done';
    };
    return { turn: turns(bounds, clock), rounds, work };
  };

  test('take a slice of the process at most, and the rest of one answer, before the event loop comes around', async () => {
    const { turn, rounds, work } = rig({ waiting: 200, inWork: 100, sliceMs: 5 });
    await Promise.all(Array.from({ length: 100 }, () => turn('a', work(3))));
    expect(Math.max(...rounds)).toBe(6);
    expect(rounds.reduce((a, b) => a + b)).toBe(300);
  });

  test('are refused as too busy beyond those that may wait, by network and in all', async () => {
    const { turn, work } = rig({ waiting: 4, inWork: 1, sliceMs: 5 });
    const ask = (network: string) => turn(network, work(1)).catch((error: { code: string }) => error.code);
    const answers = await Promise.all(['a', 'a', 'a', 'b', 'c', 'd'].map(ask));
    expect(answers).toEqual(['done', 'done', 'too-busy', 'done', 'done', 'too-busy']);
    expect(await ask('a')).toBe('done');
  });

  test('are limited in number while they wait for a server', async () => {
    const { turn } = rig({ waiting: 20, inWork: 2, sliceMs: 5 });
    let [running, most] = [0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await systemClock.sleep(5);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => turn('a', work)));
    expect([most, running]).toEqual([2, 0]);
  });
});

test('the metrics are made once a second, however often they are scraped', async () => {
  const metrics = createMetrics({ version: '1', node: 'v20' });
  let made = 0;
  const exposition = () => {
    made += 1;
    return metrics.exposition();
  };
  const routes = httpRoutes({
    host: '127.0.0.1',
    health: createHealth({}),
    metrics: { ...metrics, exposition },
  });
  const bodies = await Promise.all(
    Array.from({ length: 50 }, async () => (await routes.inject('/metrics')).body),
  );
  expect([made, new Set(bodies).size]).toEqual([1, 1]);
});

describe('the API', () => {
  let there: Opened;
  const clients: Client[] = [];
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const client of clients.splice(0)) client.close();
    await there.close();
  });
  async function listen(bounds: Partial<Bounds> = {}): Promise<number> {
    there = await open({ EFS_EXPIRY: 'off' }, systemClock, bounds);
    await there.report(
      Array.from({ length: 100 }, (_, i) => feedback.relayed({ messageId: `${i}`.padStart(128, 'm') })),
    );
    await there.until(() => there.queries.view.get('d1')?.kpis.relayed === 100);
    return portOf(there.routes);
  }
  const ask = async (port: number, path: string, how?: Parameters<typeof clientOf>[1]): Promise<Client> => {
    const client = await clientOf(port, how);
    clients.push(client);
    client.send(requestOf(path));
    return client;
  };
  const statusOf = async (client: Client): Promise<string> => {
    await within('it is answered', () => client.received().includes('\r\n\r\n'));
    return client.received().slice(9, 12);
  };

  test('lets a probe overtake requests that were made before it', async () => {
    const port = await listen();
    const some = there.queries.view.get('d1');
    const spent: number[] = [];
    jest.spyOn(there.queries.view, 'deliveries').mockImplementation(() => {
      const began = systemClock.monotonic();
      while (systemClock.monotonic() - began < 10);
      spent.push(began);
      return some === null ? [] : [some];
    });
    for (let i = 0; i < 10; i++) clients.push(await clientOf(port));
    const probe = await clientOf(port, { from: OTHER });
    for (const client of clients) client.send(requestOf('/api/deliveries').repeat(4));
    probe.send(requestOf('/livez'));
    const before = await new Promise((resolve) => probe.socket.once('data', () => resolve(spent.length)));
    probe.close();
    expect(before).toBeLessThan(20);
    await within('all are answered', () => spent.length === 40);
  });

  test('leaves streams for others when one address takes as many as it can', async () => {
    const port = await listen({ streams: 4 });
    const mine = [0, 1, 2].map(() => ask(port, '/api/stream'));
    const statuses = await Promise.all(mine.map(async (each) => statusOf(await each)));
    expect(statuses.sort()).toEqual(['200', '200', '503']);
    expect(await statusOf(await ask(port, '/api/stream', { from: OTHER }))).toBe('200');
    for (const client of clients.splice(0)) client.close();
    await within('the places are free', () => there.queries.feed.readers() === 0);
    expect(await statusOf(await ask(port, '/api/stream'))).toBe('200');
  });

  test('takes the place of a stream back that was waiting behind another answer of its connection', async () => {
    const port = await listen({ streams: 2 });
    stateWith({ scan: () => new Promise(() => undefined) });
    const client = await ask(port, '/api/deliveries/d1/messages');
    client.send(requestOf('/api/stream'));
    await within('the stream is open', () => there.queries.feed.readers() === 1);
    client.close();
    await within('its place is free', () => there.queries.feed.readers() === 0);
    expect(await statusOf(await ask(port, '/api/stream'))).toBe('200');
  });

  test('drops exports that are not read, so that their places are free again', async () => {
    const port = await listen({ exports: 2, stalledMs: 300, stallsCheckedEveryMs: 50 });
    const real = there.queries.state();
    // A log without an end: longer than what the system takes for a client that does not read.
    const scan: typeof real.scan = async (...where) => ({ ...(await real.scan(...where)), cursor: '1' });
    stateWith({ scan });
    const path = '/api/deliveries/d1/messages?format=csv';
    const unread = await ask(port, path, { reads: false });
    await systemClock.sleep(50);
    expect(await statusOf(await ask(port, path))).toBe('503');
    let [status, tries] = ['503', 0];
    for (; status === '503' && tries < 100; tries++) {
      await systemClock.sleep(100);
      status = await statusOf(await ask(port, path));
    }
    expect(status).toBe('200');
    unread.socket.resume();
    await within('it is dropped', () => !unread.isOpen());
    // Seconds where the machine has much else to do: megabytes are exported.
  }, 30_000);

  test('answers HEAD with 404 where GET takes a place: an answer without a body would never end', async () => {
    await listen();
    const paths = ['/api/stream', '/api/deliveries/d1/stream', '/api/deliveries/d1/messages?format=csv'];
    for (const url of paths) {
      const { statusCode } = await there.routes.inject({ method: 'HEAD', url });
      expect([url, statusCode, there.queries.feed.readers()]).toEqual([url, 404, 0]);
    }
    expect((await there.routes.inject({ method: 'HEAD', url: '/api/deliveries' })).statusCode).toBe(200);
  });

  /** Lets the API read a state of which something is another. */
  function stateWith(other: Partial<ReturnType<typeof there.queries.state>>): void {
    const real = there.queries.state();
    jest.spyOn(there.queries, 'state').mockReturnValue({ ...real, ...other });
  }
});
