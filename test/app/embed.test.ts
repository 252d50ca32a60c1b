import { configFrom } from '../../src/settings/config';
import { caughtUp } from '../../src/app/caught-up';
import { embed, type EmbeddedInMemory } from '../../src/app/embed';
import { memoryReader } from '../../src/log/source.memory';
import { createHealth } from '../../src/queries/health';
import { lookUpDelivery } from '../../src/queries/lookup';
import { DeliveryId } from '../../src/base/ids';
import { NO_LOG } from '../../src/base/log';
import { deliveryView } from '../../src/queries/delivery-view';
import { turn, virtualClock } from '../support/clock';
import { feedback } from '../support/feedback';

const SETTINGS = { EFS_LINGER_MS: '0', EFS_PARTITIONS: '3' };

/** Waits for the same log and state, with another view. */
function catchingUp(efs: EmbeddedInMemory, view = deliveryView()) {
  const queries = { view, health: createHealth() };
  const { signal } = new AbortController();
  const servers = { store: efs.store, reader: memoryReader(efs.log) };
  let isOver = false;
  const over = caughtUp(configFrom(SETTINGS), servers, { partitions: 3, queries, signal }).then(
    () => (isOver = true),
  );
  return { view, over, isOver: () => isOver };
}

describe('a service in this process', () => {
  let efs: EmbeddedInMemory;

  beforeEach(async () => {
    efs = await embed(SETTINGS);
  });

  afterEach(() => efs.stop());

  it('shows all that was reported once it has caught up', async () => {
    for (let relayed = 1; relayed <= 20; relayed++) {
      await efs.report([feedback.relayed({ messageId: `message-${relayed}` })]);
      await efs.caughtUp();
      expect(efs.deliveries().map(({ kpis }) => kpis.relayed)).toEqual([relayed]);
    }
  });

  it('has not caught up before its read model shows what was published', async () => {
    await efs.report([feedback.relayed()]);
    await efs.caughtUp();
    const late = catchingUp(efs);
    for (let i = 0; i < 20; i++) await turn();
    expect(late.isOver()).toBe(false);
    late.view.take(await lookUpDelivery(efs.store, DeliveryId('d1')));
    await late.over;
  });

  it.each([
    ['0.0.0.0', '', true],
    ['0.0.0.0', 'open-sesame-if-you-please', false],
    ['127.0.0.1', '', false],
    ['localhost', '', false],
  ])('on %s with the token "%s" it warns of an open API: %s', async (host, token, warns) => {
    const lines: string[] = [];
    const log = { ...NO_LOG, warn: (line: string) => void lines.push(line) };
    const open = await embed({ ...SETTINGS, EFS_HTTP_TOKEN: token, EFS_HTTP_HOST: host }, { log });
    try {
      const { port } = new URL(await open.listen({ port: 0 }));
      const headers = { authorization: `Bearer ${token}` };
      const health = await fetch(`http://127.0.0.1:${port}/api/health`, token === '' ? {} : { headers });
      const { warnings } = (await health.json()) as { warnings: { key: string; warning: string }[] };
      const expected = warns ? [expect.stringContaining('EFS_HTTP_TOKEN_FILE')] : [];
      expect(warnings.filter(({ key }) => key === 'http').map(({ warning }) => warning)).toEqual(expected);
      expect(lines).toEqual(warns ? ['page and API are open to other machines: no token is set'] : []);
    } finally {
      await open.stop();
    }
  });

  it('dates sessions and its own start by the system clock, whatever its own clock is', async () => {
    const clock = virtualClock(Date.UTC(2001, 0));
    const token = 'open-sesame-if-you-please';
    const shifted = await embed({ ...SETTINGS, EFS_HTTP_TOKEN: token }, { clock });
    try {
      const address = await shifted.listen({ port: 0 });
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ token });
      const opened = await fetch(`${address}api/session`, { method: 'POST', headers, body });
      const [, expires = ''] = /Expires=([^;]+)/.exec(opened.headers.get('set-cookie') ?? '') ?? [];
      expect(Date.parse(expires)).toBeGreaterThan(Date.now());
      const health = await fetch(`${address}api/health`, { headers: { authorization: `Bearer ${token}` } });
      const { startedAt } = (await health.json()) as { startedAt: string };
      expect(Date.parse(startedAt)).toBeGreaterThan(Date.now() - 60_000);
    } finally {
      await shifted.stop();
    }
  });
});
