import { readConfig } from '../../src/settings/config';
import { systemClock } from '../../src/base/clock';
import { type Stage, stageInMemory, tell } from '../../src/cli/demo-stage';
import type { EmbeddedInMemory } from '../../src/app/embed';
import type { Feedback, Millis, PolicyName } from '../../src/feedback/feedback';
import type { MessageView } from '../../src/queries/lookup';
import type { Delivery } from '../../src/queries/delivery-view';
import { scenario } from '../../src/simulation/scenario';
import { virtualClock, type VirtualClock } from '../support/clock';

const SEED = 1;
const HOUR = 3_600_000;
/** Of the campaign that is sent under both policies; see src/simulation/scenario.ts. */
const MIRROR_VALIDITY_MS = 12 * HOUR;
const GRACE_MS = HOUR;
/** How long before a moment it is looked: the demo tells what has happened in such steps. */
const LEAD_MS = 50;
/** Silence is looked for now and then only: around its end nothing else is to happen to the delivery. */
const QUIET_MS = 60_000;
/** Longer than an idle task rests. */
const HOP_MS = 6_000;

type Step = 'is not shown' | 'starts at 100 %' | 'rises' | 'falls' | 'stays';

/**
 * A row of a table. What has been told of a message, in short, matches `story` the moment the row is entered; `silence` is
 * the moment at which its validity period and the grace are over.
 */
interface Row {
  readonly policy: PolicyName;
  readonly row: string;
  readonly story: RegExp;
  readonly status: readonly [before: string | null, after: string];
  readonly success: Step;
  /** Whether a reason is shown afterwards. */
  readonly reason: boolean;
}

const row = (
  policy: PolicyName,
  name: string,
  story: RegExp,
  status: Row['status'],
  success: Step,
  reason: 'a reason' | 'no reason' = 'no reason',
): Row => ({ policy, row: name, story, status, success, reason: reason === 'a reason' });

const TAKEN = 'TAKEN_INTO_ACCOUNT';

/* The two tables of the Enhanced MTA's documentation, and below each what the documentation says in prose or leaves open. */
const ROWS: readonly Row[] = [
  row('EFS', 'relayed', /^relayed$/, [null, TAKEN], 'is not shown'),
  row('EFS', 'hard bounce', /^relayed hard$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'soft bounce', /^relayed soft$/, [TAKEN, TAKEN], 'stays', 'a reason'),
  row('EFS', 'retry succeeds', /^relayed( soft)+ succeeded$/, [TAKEN, 'SENT'], 'rises'),
  row('EFS', 'retry fails', /^relayed( soft)+ failed$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'validity period over', /^relayed( soft)+ expired$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row('EFS', 'delivered', /^relayed delivered$/, [TAKEN, 'SENT'], 'rises'),
  row('EFS', 'silence until the end', /^relayed silence$/, [TAKEN, 'FAILED'], 'stays', 'a reason'),
  row(
    'EFS',
    'silence after a soft bounce',
    /^relayed( soft)+ silence$/,
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
  row('RELAY', 'silence until the end', /^relayed silence$/, ['SENT', 'SENT'], 'stays'),
  row(
    'RELAY',
    'silence after a soft bounce',
    /^relayed( soft)+ silence$/,
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
    default:
      if (NOT_A_FAILURE.includes(feedback.bounceClass)) return 'reply';
      if (feedback.source === 'ASYNC') return 'bounce-mail';
      return feedback.kind === 'HardBounced' ? 'hard' : 'soft';
  }
}

/** Something that happens to a message of the mirrored campaign, and all that has happened to it by then. */
interface Moment {
  readonly at: Millis;
  readonly messageId: string;
  readonly story: string;
}

/** Everything that happens to the first mirrored campaign, silences that end included, in order of time. */
function momentsOf(startAt: Millis): Moment[] {
  const stories = new Map<string, { relayedAt: Millis; told: string[] }>();
  const moments: Moment[] = [];
  for (const event of scenario({ seed: SEED, startAt })) {
    if (event.occurredAt > startAt + 4 * 24 * HOUR) break;
    if (event.deliveryId !== 'mirror-1-EFS') continue;
    const { messageId, occurredAt } = event;
    const known = stories.get(messageId) ?? { relayedAt: occurredAt, told: [] };
    stories.set(messageId, known);
    known.told.push(inShort(event));
    moments.push({ at: occurredAt, messageId, story: known.told.join(' ') });
  }
  for (const [messageId, { relayedAt, told }] of stories) {
    if (!/^relayed( soft)*$/.test(told.join(' '))) continue;
    const at = relayedAt + MIRROR_VALIDITY_MS + GRACE_MS;
    moments.push({ at, messageId, story: `${told.join(' ')} silence` });
  }
  return moments.sort((a, b) => a.at - b.at);
}

const isSilence = ({ story }: Moment): boolean => story.endsWith('silence');

/** Whether nothing else happens to the delivery meanwhile, so that what changes is this message's doing. */
function isAlone(moments: readonly Moment[], index: number): boolean {
  const moment = moments[index]!;
  const before = moments[index - 1]?.at ?? -Infinity;
  const after = moments[index + 1]?.at ?? Infinity;
  return isSilence(moment)
    ? moment.at - before > QUIET_MS && after - moment.at > QUIET_MS
    : before < moment.at - LEAD_MS && after > moment.at;
}

/** For each story the first moment that shows it and leaves the clock room between it and the others. */
function choose(moments: readonly Moment[]): Map<string, Moment> {
  const chosen = new Map<string, Moment>();
  for (const { source } of ROWS.map(({ story }) => story)) {
    if (chosen.has(source)) continue;
    const fits = new RegExp(source);
    const isFree = ({ at }: Moment): boolean =>
      [...chosen.values()].every((other) => Math.abs(other.at - at) > 2 * QUIET_MS);
    const found = moments.find(
      (moment, index) => fits.test(moment.story) && isAlone(moments, index) && isFree(moment),
    );
    if (found !== undefined) chosen.set(source, found);
  }
  return new Map([...chosen].sort(([, a], [, b]) => a.at - b.at));
}

interface Shown {
  readonly message: Pick<MessageView, 'status' | 'reason' | 'why'> | null;
  readonly delivery: Delivery | null;
}

/** The demo, its page's API, and the hands of its clock. */
async function openDemo() {
  const read = readConfig({ EFS_LINGER_MS: '0' });
  if ('errors' in read) throw new Error(read.errors.join('\n'));
  let clock!: VirtualClock;
  const stage: Stage<EmbeddedInMemory> = await stageInMemory(
    { seed: SEED },
    read.ok,
    (startAt) => (clock = virtualClock(startAt)),
  );
  const over = new AbortController();
  const told = tell(stage, { seed: SEED, duplicates: 0.03, poison: 0.0005 }, over.signal);
  const { embedded } = stage;
  const address = await embedded.listen({ port: 0 });
  const api = async <Answer>(path: string): Promise<Answer | null> => {
    const answer = await fetch(`${address}api${path}`);
    return answer.status === 404 ? null : ((await answer.json()) as Answer);
  };
  return {
    startAt: stage.startAt,
    /** Lets the time come, and everything that is told by then be folded and shown. */
    async until(at: Millis): Promise<void> {
      clock.advance(Math.max(0, at - clock.now()));
      while (stage.toldUntil < at) await systemClock.sleep(1);
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
      await told;
      await embedded.stop();
    },
  };
}

type Demo = Awaited<ReturnType<typeof openDemo>>;

/** Goes through a moment; gives what was shown of its message in both deliveries, just before and after it. */
async function through(demo: Demo, moment: Moment): Promise<Record<PolicyName, [Shown, Shown]>> {
  const look = async () => ({
    EFS: await demo.shown('EFS', moment.messageId),
    RELAY: await demo.shown('RELAY', moment.messageId),
  });
  await demo.until(moment.at - LEAD_MS);
  const before = await look();
  await demo.until(moment.at);
  for (let passed = HOP_MS; isSilence(moment) && passed < QUIET_MS; passed += HOP_MS)
    await demo.until(moment.at + passed);
  const after = await look();
  return { EFS: [before.EFS, after.EFS], RELAY: [before.RELAY, after.RELAY] };
}

describe('the demo', () => {
  jest.setTimeout(120_000);
  const seen = new Map<string, Record<PolicyName, [Shown, Shown]>>();

  beforeAll(async () => {
    const demo = await openDemo();
    try {
      for (const [story, moment] of choose(momentsOf(demo.startAt)))
        seen.set(story, await through(demo, moment));
    } finally {
      await demo.close();
    }
  });

  it.each(ROWS)('shows the row "$row" of policy $policy: status $status, Success $success', (each) => {
    const found = seen.get(each.story.source)?.[each.policy];
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
