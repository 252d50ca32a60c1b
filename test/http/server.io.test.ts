import { createServer } from 'node:net';
import { createHealth } from '../../src/queries/health';
import { createMetrics } from '../../src/http/metrics';
import { httpRoutes, startHttp } from '../../src/http/server.http';

const parts = () => ({
  host: '127.0.0.1',
  health: createHealth(),
  metrics: createMetrics({ version: '1', node: 'v20' }),
});

describe('the routes', () => {
  test('/readyz answers 503 with the reasons, and 200 once there are none, with the warnings', async () => {
    const { health, metrics } = parts();
    const routes = httpRoutes({ ...parts(), health, metrics });
    const before = await routes.inject('/readyz');
    expect([before.statusCode, before.json()]).toEqual([
      503,
      { ready: false, reasons: { starting: 'starting' }, warnings: {} },
    ]);
    health.set('starting', null);
    health.warn('http', 'no token');
    const after = await routes.inject('/readyz');
    expect([after.statusCode, after.json()]).toEqual([
      200,
      { ready: true, reasons: {}, warnings: { http: 'no token' } },
    ]);
  });

  test('/livez answers 200 while not ready, and 503 after a permanent failure', async () => {
    const { health, metrics } = parts();
    const routes = httpRoutes({ ...parts(), health, metrics });
    const before = await routes.inject('/livez');
    expect([before.statusCode, before.json()]).toEqual([200, { live: true }]);
    health.fail('position lost');
    const after = await routes.inject('/livez');
    expect([after.statusCode, after.json()]).toEqual([503, { live: false, failure: 'position lost' }]);
    expect((await routes.inject('/readyz')).statusCode).toBe(503);
  });

  test('/metrics answers in the text format; other paths and methods answer 404', async () => {
    const routes = httpRoutes(parts());
    const reply = await routes.inject('/metrics');
    expect(reply.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.body).toContain('efs_build_info{version="1",node="v20"} 1');
    expect((await routes.inject('/')).statusCode).toBe(404);
    expect((await routes.inject({ method: 'POST', url: '/livez' })).statusCode).toBe(404);
  });
});

describe('the server', () => {
  test('answers over a socket on a free port until it is closed', async () => {
    const server = await startHttp({ port: 0, ...parts() });
    const url = `http://127.0.0.1:${server.port}/livez`;
    expect((await fetch(url)).status).toBe(200);
    await server.close();
    await expect(fetch(url)).rejects.toThrow();
  });

  test('the error names EFS_HTTP_PORT for a used port, and EFS_HTTP_HOST for a foreign address', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(startHttp({ port, ...parts() })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(`EFS_HTTP_PORT: port ${port}`),
    });
    await expect(startHttp({ ...parts(), host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('EFS_HTTP_HOST'),
    });
    await new Promise((resolve) => other.close(resolve));
  });
});
