import type { Feedback } from '../../src/feedback/feedback';
import { qualify } from '../../src/feedback/qualification';
import { causeOf, classify } from '../../src/mta/classify';
import { FORMATS } from '../../src/mta/formats';
import { dice } from '../../src/simulation/dice';
import { replyLine, replyOf, wordedClass } from '../../src/simulation/sources/replies';
import {
  type SaidEvent,
  type SaidOptions,
  saidTraffic,
  SIMULATED_SOURCES,
} from '../../src/simulation/sources/said';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { ORDINARY_TRAFFIC } from '../../src/simulation/traffic';
import { expectEqual } from '../support/equal';
import {
  deadLettersIn,
  feedbackIn,
  ingested,
  moreComplaints,
  read,
  recounted,
  redriven,
  setAsideIn,
} from '../ingest/said';

const SAID = { ...ORDINARY_TRAFFIC, seed: 7, deliveries: 6, messages: 400, stripIdentity: 0 };

const events = (source: SimulatedSource, options: Partial<SaidOptions> = {}): SaidEvent[] => [
  ...saidTraffic(moreComplaints(source), { ...SAID, ...options }),
];
const feedbackOf = (said: readonly SaidEvent[]): Feedback[] => said.map(({ feedback }) => feedback);

/** The events of a source that most of its tests read, and their recount: made once. */
interface Life {
  readonly said: readonly SaidEvent[];
  readonly expected: ReturnType<typeof recounted>;
}
const lives = new Map<SimulatedSource, Life>();

function lifeOf(source: SimulatedSource): Life {
  const known = lives.get(source);
  if (known !== undefined) return known;
  const said = events(source);
  const life = { said, expected: recounted(feedbackOf(said)) };
  lives.set(source, life);
  return life;
}

const NAMED = SIMULATED_SOURCES.map((source) => [source.name, source] as const);

/** What a source never says; mails and logs say less than providers. */
const NEVER: Readonly<Record<string, readonly Feedback['kind'][]>> = {
  postfix: ['Complained'],
  exim: ['Complained'],
  mail: ['Relayed', 'RetryOutcome'],
  postmark: ['Relayed', 'RetryOutcome'],
  mailjet: ['Relayed', 'RetryOutcome'],
  brevo: ['RetryOutcome'],
  postal: ['Complained', 'Relayed'],
};
const KINDS = ['Complained', 'Delivered', 'HardBounced', 'Relayed', 'RetryOutcome', 'SoftBounced'] as const;

function shuffled<Each>(list: readonly Each[]): Each[] {
  const source = dice(3, 0);
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = source.below(i + 1);
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

/** What a source may send: lines of a log in any order of the messages, other events in any order. */
function disarranged(source: SimulatedSource, said: readonly SaidEvent[]): SaidEvent[] {
  if (!source.isOrdered) return shuffled([...said, ...said, ...said]);
  const messages = new Map<string, SaidEvent[]>();
  for (const each of said)
    messages.set(each.feedback.messageId, [...(messages.get(each.feedback.messageId) ?? []), each]);
  return shuffled([...messages.values()]).flat();
}

/** The ids of a record are in it, or nowhere: no map can be wrong. */
const isMapped = ({ name }: SimulatedSource): boolean => name !== 'efs';

test('every format that can be ingested is simulated', () => {
  expect(SIMULATED_SOURCES.map(({ name }) => name)).toEqual(FORMATS.map(({ name }) => name));
});

describe.each(NAMED)('lives said by %s', (_, source) => {
  const mapper = ingested(source);

  test('have the figures and statuses that they have when they are fed directly', async () => {
    const { said, expected } = lifeOf(source);
    const taken = await read(source, said, said.length, mapper);
    expect(deadLettersIn(taken)).toEqual([]);
    expectEqual(recounted(feedbackIn(taken)), expected);
  });

  test('have the same figures when they are shuffled, repeated, and cut into other batches', async () => {
    const { said, expected } = lifeOf(source);
    const size = source.isOrdered ? said.length : 13;
    const taken = await read(source, disarranged(source, said), size, mapper);
    const again = source.isOrdered ? await read(source, [...said, ...said], said.length, mapper) : [];
    expectEqual(recounted(feedbackIn([...taken, ...again])), expected);
  });

  test('are unmatched exactly where the ids are left out', async () => {
    const said = events(source, { stripIdentity: 0.1, duplicates: source.isOrdered ? 0 : 0.05 });
    const stripped = said.filter(({ isIdentified }) => !isIdentified);
    expect(stripped.length).toBeGreaterThan(10);
    const taken = await read(source, said, said.length, mapper);
    const letters = deadLettersIn(taken);
    expect(new Set(letters.map(({ reason }) => reason))).toEqual(new Set(['unmatched']));
    expect(letters).toHaveLength(stripped.length);
    const identified = said.filter(({ isIdentified }) => isIdentified);
    expectEqual(recounted(feedbackIn(taken)), recounted(feedbackOf(identified)));
  });
});

describe.each(NAMED.filter(([, source]) => isMapped(source)))('lives said by %s', (_, source) => {
  test('are set aside by a wrong map, and have the same figures once it is corrected and they are redriven', async () => {
    const said = events(source, { stripIdentity: 0.1 });
    const wrong = ingested(source, { deliveryId: ['header:X-Absent'] });
    const taken = await read(source, said, said.length, wrong);
    expect(feedbackIn(taken)).toEqual([]);
    // A line is not enough where several tell of a message: such a log is read again.
    const again = source.isOrdered
      ? await read(source, said, said.length, ingested(source))
      : await redriven(ingested(source), setAsideIn(taken));
    const identified = said.filter(({ isIdentified }) => isIdentified);
    expectEqual(recounted(feedbackIn(again)), recounted(feedbackOf(identified)));
    expect(deadLettersIn(again)).toHaveLength(said.length - identified.length);
  });
});

describe.each(NAMED)('%s', (_, source) => {
  test('writes the same bytes each time', () => {
    const options = { stripIdentity: 0.1, disorder: 0.01, duplicates: 0.1 };
    expectEqual(events(source, options), events(source, options));
  });

  test('says every kind of feedback but those that it never says', () => {
    const never = NEVER[source.name] ?? [];
    const kinds = new Set(lifeOf(source).said.map(({ feedback }) => feedback.kind));
    expect([...kinds].sort()).toEqual(KINDS.filter((kind) => !never.includes(kind)));
  });

  test('says feedback that it can say as it is', () => {
    const said = feedbackOf(lifeOf(source).said);
    expectEqual(said.map(source.sayable), said);
  });

  test('gives messages ids that differ in lower case too', () => {
    const ids = new Set(
      lifeOf(source).said.map(({ feedback: { deliveryId, messageId } }) => `${deliveryId}/${messageId}`),
    );
    expect(new Set([...ids].map((id) => id.toLowerCase())).size).toBe(ids.size);
  });
});

describe('a reply', () => {
  const classes = [1, 10, 20, 21, 22, 23, 24, 25, 40, 50, 51, 52, 53, 54, 100];

  test.each(classes)('says class %s such that its reader concludes it', (bounceClass) => {
    for (const isFinal of [true, false]) {
      const reply = replyOf(bounceClass, isFinal);
      const cause = causeOf({ text: `smtp; ${replyLine(reply)}`, enhancedStatus: reply.status });
      expect(classify(cause).bounceClass).toBe(bounceClass);
    }
  });

  test('says a class of the same reason and type, where no text tells of a class but 15', () => {
    for (const bounceClass of [...classes, 30, 70, 77, 999, 25])
      expect(qualify(wordedClass(bounceClass, null), null)).toEqual(qualify(bounceClass, null));
  });
});
