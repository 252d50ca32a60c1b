import { configFrom } from '../../src/settings/config';
import { systemClock } from '../../src/base/clock';
import { type Demo, demoInMemory, emitCampaigns } from '../../src/cli/demo-stage';
import type { EmbeddedInMemory } from '../../src/app/embed';
import type { Feedback, Millis, PolicyName } from '../../src/feedback/feedback';
import type { MessageView } from '../../src/queries/lookup';
import type { Delivery } from '../../src/queries/delivery-view';
import { scenario } from '../../src/simulation/scenario';
import { virtualClock, type VirtualClock } from '../support/clock';

const SEED = 1;
const HOUR = 3_600_000;
/** Validity period of the campaign that is sent under both policies; see src/simulation/scenario.ts. */
const MIRROR_VALIDITY_MS = 12 * HOUR;
const GRACE_MS = HOUR;
/** How long before a moment the state is read: the demo emits feedback in such steps. */
const LEAD_MS = 50;
/** Expiry is checked at intervals: for this long around it nothing else may happen to the delivery. */
const QUIET_MS = 60_000;
/** Longer than an idle task pauses. */
const HOP_MS = 6_000;

type Step = 'is not shown' | 'starts at 100 %' | 'rises' | 'falls' | 'stays';

/**
 * A row of a table. The events of a message so far, in short, match `history` when the row applies; `expiry` is the end
 * of its validity period and the grace without feedback.
 */
interface Row {
  readonly policy: PolicyName;
  readonly row: string;
  readonly history: RegExp;
  readonly status: readonly [before: string | null, after: string];
  readonly success: Step;
  /** Whether a reason is shown afterwards. */
  readonly reason: boolean;
}

const row = (
  policy: PolicyName,
  name: string,
  history: RegExp,
  status: Row['status'],
  success: Step,
  reason: 'a reason' | 'no reason' = 'no reason',
): Row => ({ policy, row: name, history, status, success, reason: reason === 'a reason' });

const TAKEN = 'TAKEN_INTO_ACCOUNT';

/**
 * The two tables of the Enhanced MTA's documentation, each followed by what the documentation says in prose or leaves
 * open.
 */
const ROWS: readonly Row[] = [
  row('EFS', 'relayed', /^relayed$/, [null, TAKEN], 'is not shown'),
  row('EFS', 'hard bounce', /^relayed hard$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'soft bounce', /^relayed soft$/, [TAKEN, TAKEN], 'stays', 'a reason'),
  row('EFS', 'retry succeeds', /^relayed( soft)+ succeeded$/, [TAKEN, 'SENT'], 'rises'),
  row('EFS', 'retry fails', /^relayed( soft)+ failed$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'validity period over', /^relayed( soft)+ expired$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'delivered', /^relayed delivered$/, [TAKEN, 'SENT'], 'rises'),
  row('EFS', 'no feedback until the end', /^relayed expiry$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row(
    'EFS',
    'no feedback after a soft bounce',
    /^relayed( soft)+ expiry$/,
    [TAKEN, 'FAILED'],
    'stays',
    'a reason',
  ),
  row('EFS', 'bounce mail', /^relayed delivered bounce-mail$/, ['SENT', 'FAILED'], 'falls', 'a reason'),
  row('EFS', 'automatic reply', /^relayed delivered reply$/, ['SENT', 'SENT'], 'stays'),

  row('RELAY', 'relayed', /^relayed$/, [null, 'SENT'], 'starts at 100 %'),
  row('RELAY', 'hard bounce', /^relayed hard$/, ['SENT', 'FAILED'], 'falls', 'a reason'),
  row('RELAY', 'soft bounce', /^relayed soft$/, ['SENT', 'SENT'], 'stays', 'a reason'),
  row('RELAY', 'retry succeeds', /^relayed( soft)+ succeeded$/, ['SENT', 'SENT'], 'stays'),
  row('RELAY', 'retry fails', /^relayed( soft)+ failed$/, ['SENT', 'FAILED'], 'falls', 'a reason'),
  row('RELAY', 'validity period over', /^relayed( soft)+ expired$/, ['SENT', 'FAILED'], 'falls', 'a reason'),
  row('RELAY', 'delivered', /^relayed delivered$/, ['SENT', 'SENT'], 'stays'),
  row('RELAY', 'no feedback until the end', /^relayed expiry$/, ['SENT', 'SENT'], 'stays'),
  row(
    'RELAY',
    'no feedback after a soft bounce',
    /^relayed( soft)+ expiry$/,
    ['SENT', 'FAILED'],
    'falls',
    'a reason',
  ),
  row('RELAY', 'bounce mail', /^relayed delivered bounce-mail$/, ['SENT', 'FAILED'], 'falls', 'a reason'),
  row('RELAY', 'automatic reply', /^relayed delivered reply$/, ['SENT', 'SENT'], 'stays'),
];

const NOT_A_FAILURE = [60, 80, 90];

function inShort(feedback: Feedback): string {
  switch (feedback.kind) {
    case 'Relayed':
      return 'relayed';
    case 'Delivered':
      return 'delivered';
    case 'RetryOutcome':
      return feedback.outcome.toLowerCase();
    case 'Complained':
      return 'complaint';
    default:
      if (NOT_A_FAILURE.includes(feedback.bounceClass)) return 'reply';
      if (feedback.source === 'ASYNC') return 'bounce-mail';
      return feedback.kind === 'HardBounced' ? 'hard' : 'soft';
  }
}

/** An event of a message of the mirrored campaign, with its history up to then. */
interface Moment {
  readonly at: Millis;
  readonly messageId: string;
  readonly history: string;
}

/** All events of the first mirrored campaign, inferred expiries included, in order of time. */
function momentsOf(startAt: Millis): Moment[] {
  const histories = new Map<string, { relayedAt: Millis; events: string[] }>();
  const moments: Moment[] = [];
  for (const event of scenario({ seed: SEED, startAt })) {
    if (event.occurredAt > startAt + 4 * 24 * HOUR) break;
    if (event.deliveryId !== 'mirror-1-EFS') continue;
    const { messageId, occurredAt } = event;
    const known = histories.get(messageId) ?? { relayedAt: occurredAt, events: [] };
    histories.set(messageId, known);
    known.events.push(inShort(event));
    moments.push({ at: occurredAt, messageId, history: known.events.join(' ') });
  }
  for (const [messageId, { relayedAt, events }] of histories) {
    if (!/^relayed( soft)*$/.test(events.join(' '))) continue;
    const at = relayedAt + MIRROR_VALIDITY_MS + GRACE_MS;
    moments.push({ at, messageId, history: `${events.join(' ')} expiry` });
  }
  return moments.sort((a, b) => a.at - b.at);
}

const isExpiry = ({ history }: Moment): boolean => history.endsWith('expiry');

/** Whether nothing else happens to the delivery around the moment, so that only this message causes the change. */
function isAlone(moments: readonly Moment[], index: number): boolean {
  const moment = moments[index]!;
  const before = moments[index - 1]?.at ?? -Infinity;
  const after = moments[index + 1]?.at ?? Infinity;
  return isExpiry(moment)
    ? moment.at - before > QUIET_MS && after - moment.at > QUIET_MS
    : before < moment.at - LEAD_MS && after > moment.at;
}

/** For each history the first moment that shows it and is far enough from the other chosen ones. */
function choose(moments: readonly Moment[]): Map<string, Moment> {
  const chosen = new Map<string, Moment>();
  for (const { source } of ROWS.map(({ history }) => history)) {
    if (chosen.has(source)) continue;
    const fits = new RegExp(source);
    const isFree = ({ at }: Moment): boolean =>
      [...chosen.values()].every((other) => Math.abs(other.at - at) > 2 * QUIET_MS);
    const found = moments.find(
      (moment, index) => fits.test(moment.history) && isAlone(moments, index) && isFree(moment),
    );
    if (found !== undefined) chosen.set(source, found);
  }
  return new Map([...chosen].sort(([, a], [, b]) => a.at - b.at));
}

interface Shown {
  readonly message: Pick<MessageView, 'status' | 'reason' | 'why'> | null;
  readonly delivery: Delivery | null;
}

/** Asks again where a connection breaks: folding may keep this process from it for longer than the server waits for a request. */
async function patiently<T>(ask: () => Promise<T>, attempts = 5): Promise<T> {
  return ask().catch((error: unknown) => {
    if (attempts === 1) throw error;
    return patiently(ask, attempts - 1);
  });
}

/** The demo on a virtual clock, read through its API. */
async function openDemo() {
  let clock!: VirtualClock;
  const run: Demo<EmbeddedInMemory> = await demoInMemory(
    { seed: SEED },
    configFrom({ EFS_LINGER_MS: '0' }),
    (startAt) => (clock = virtualClock(startAt)),
  );
  const over = new AbortController();
  const emitting = emitCampaigns(run, { seed: SEED, duplicates: 0.03, poison: 0.0005 }, over.signal);
  const { embedded } = run;
  const address = await embedded.listen({ port: 0 });
  const api = async <Answer>(path: string): Promise<Answer | null> => {
    const answer = await patiently(() => fetch(`${address}api${path}`));
    return answer.status === 404 ? null : ((await answer.json()) as Answer);
  };
  return {
    startAt: run.startAt,
    /** Advances the clock, and waits until all feedback emitted by then is folded and shown. */
    async until(at: Millis): Promise<void> {
      clock.advance(Math.max(0, at - clock.now()));
      while (run.emittedUntil < at) await systemClock.sleep(1);
      await embedded.caughtUp();
    },
    async shown(policy: PolicyName, messageId: string): Promise<Shown> {
      const path = `/deliveries/mirror-1-${policy}`;
      const [delivery, message] = await Promise.all([
        api<Delivery>(path),
        api<MessageView>(`${path}/messages/${messageId}`),
      ]);
      return { delivery, message };
    },
    async close(): Promise<void> {
      over.abort();
      await emitting;
      await embedded.stop();
    },
  };
}

type OpenedDemo = Awaited<ReturnType<typeof openDemo>>;

/**
 * Passes a moment; returns what the API shows of its message and delivery under both policies, just before and after it.
 */
async function through(demo: OpenedDemo, moment: Moment): Promise<Record<PolicyName, [Shown, Shown]>> {
  const read = async () => ({
    EFS: await demo.shown('EFS', moment.messageId),
    RELAY: await demo.shown('RELAY', moment.messageId),
  });
  await demo.until(moment.at - LEAD_MS);
  const before = await read();
  await demo.until(moment.at);
  for (let passed = HOP_MS; isExpiry(moment) && passed < QUIET_MS; passed += HOP_MS)
    await demo.until(moment.at + passed);
  const after = await read();
  return { EFS: [before.EFS, after.EFS], RELAY: [before.RELAY, after.RELAY] };
}

describe('the demo', () => {
  jest.setTimeout(900_000);
  const seen = new Map<string, Record<PolicyName, [Shown, Shown]>>();

  beforeAll(async () => {
    const demo = await openDemo();
    try {
      for (const [history, moment] of choose(momentsOf(demo.startAt)))
        seen.set(history, await through(demo, moment));
    } finally {
      await demo.close();
    }
  });

  it.each(ROWS)('shows the row "$row" of policy $policy: status $status, Success $success', (each) => {
    const found = seen.get(each.history.source)?.[each.policy];
    expect(found).toBeDefined();
    const [before, after] = found!;
    expect([before.message?.status ?? null, after.message?.status]).toEqual(each.status);
    expect(after.message?.reason !== null).toBe(each.reason);
    expect(stepOf(before.delivery, after.delivery!)).toBe(each.success);
  });
});

function stepOf(before: Delivery | null, { kpis }: Delivery): Step | string {
  const was = before?.kpis.success ?? null;
  if (kpis.success === null) return 'is not shown';
  if (was === null) return `starts at ${kpis.success * 100} %`;
  return kpis.success > was ? 'rises' : kpis.success < was ? 'falls' : 'stays';
}
