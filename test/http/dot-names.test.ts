import { feedback } from '../support/feedback';
import { open, type Opened } from './open';
import { portOf } from './client';
import { addressOf, deliveryPath, messagePath } from '../../src/dashboard/api.js';

/** Ids that no path of a URL can name, and one that looks like the stand-in for the id in the path. */
const NAMES = ['.', '..', '-', 'a b&c=d?#%2e'];

describe('deliveries and messages whose names a path cannot hold', () => {
  let opened: Opened;
  let origin: string;

  beforeAll(async () => {
    opened = await open();
    await opened.report(
      NAMES.map((deliveryId) => feedback.relayed({ deliveryId, messageId: '..', policy: 'RELAY' })),
    );
    await opened.until(() => NAMES.every((name) => opened.queries.view.get(name) !== null));
    origin = `http://127.0.0.1:${await portOf(opened.routes)}`;
  });
  afterAll(() => opened.close());

  const json = async <T>(path: string): Promise<T> => (await fetch(origin + path)).json() as Promise<T>;

  it('are not found by a path alone: the client removes that segment, also percent-encoded', async () => {
    expect((await fetch(`${origin}/api/deliveries/%2E%2E`)).status).toBe(404);
  });

  it.each(NAMES)('are read by the query, as the page does: %s', async (deliveryId) => {
    const found = await json<{ deliveryId: string }>(addressOf(deliveryPath(deliveryId)));
    expect(found.deliveryId).toBe(deliveryId);
    const log = addressOf(deliveryPath(deliveryId, '/messages'), { limit: 5 });
    const { messages } = await json<{ messages: { messageId: string }[] }>(log);
    expect(messages.map(({ messageId }) => messageId)).toEqual(['..']);
    const message = await json<{ messageId: string }>(addressOf(messagePath(deliveryId, '..')));
    expect(message.messageId).toBe('..');
    const csv = await (await fetch(origin + log.replace('limit=5', 'format=csv'))).text();
    expect(csv).toContain('".."');
  });

  it('have a live stream', async () => {
    const abort = new AbortController();
    const { body } = await fetch(origin + addressOf(deliveryPath('..', '/stream')), { signal: abort.signal });
    const first = await body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('"deliveryId":".."');
    abort.abort();
  });
});
