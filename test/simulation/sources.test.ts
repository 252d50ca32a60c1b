import type { Feedback } from '../../src/feedback/feedback';
import { qualify } from '../../src/feedback/qualification';
import { takenOfBody } from '../../src/ingest/body';
import { ingestSource, ofFormat } from '../../src/ingest/configure';
import type { Taken } from '../../src/ingest/source';
import { causeOf, classify } from '../../src/mta/classify';
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
import { DEFAULT_GROUPS, recountFacts } from '../recount/recount';

const NOW = Date.UTC(2026, 1, 1);
const SAID = { ...ORDINARY_TRAFFIC, seed: 7, deliveries: 6, messages: 500, stripIdentity: 0 };

/** More complaints than usual, so that there are some. */
const events = (source: SimulatedSource, options: Partial<SaidOptions> = {}): SaidEvent[] => [
  ...saidTraffic({ ...source, mix: { ...source.mix, complaints: 0.03 } }, { ...SAID, ...options }),
];

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

/** Reads events through the real mapper, at most `most` events a request. */
async function read(source: SimulatedSource, said: readonly SaidEvent[], most: number): Promise<Taken[]> {
  const size = Math.min(most, source.framing.eventsMax === 1 ? 1 : most);
  const given = { ...ofFormat(source.name), ...source.identity };
  const ingested = ingestSource(given, NOW);
  const { body, contentType } = source.framing;
  const taken: Taken[] = [];
  for (let from = 0; from < said.length; from += size) {
    const texts = said.slice(from, from + size).map(({ text }) => text);
    taken.push(...(await takenOfBody(ingested, Buffer.from(body(texts)), contentType)));
  }
  return taken;
}

const deadLettersIn = (taken: readonly Taken[]): { reason: string; detail: string }[] =>
  taken.flatMap(({ mapped }) => (mapped.outcome === 'dead-letter' ? [mapped] : []));

const feedbackIn = (taken: readonly Taken[]): Feedback[] =>
  taken.flatMap(({ mapped }) => (mapped.outcome === 'feedback' ? [mapped.feedback] : []));

/** What the recount makes of feedback: the messages with their judgement, the deliveries with their KPIs. */
function recounted(feedback: readonly Feedback[]) {
  const facts = feedback.map(({ kind, ...rest }) => ({ ...rest, type: kind }));
  const { messages, deliveries } = recountFacts(facts, { defaultPolicy: 'EFS', groups: DEFAULT_GROUPS });
  const kpis = [...deliveries].map(([id, { policy, kpis: figures }]) => [id, { policy, figures }]);
  return { messages: Object.fromEntries(messages), kpis: Object.fromEntries(kpis) as object };
}

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

describe.each(SIMULATED_SOURCES.map((source) => [source.name, source] as const))(
  'lives said by %s',
  (_, source) => {
    test('have the figures and statuses that they have when they are fed directly', async () => {
      const said = events(source);
      const taken = await read(source, said, said.length);
      expect(deadLettersIn(taken)).toEqual([]);
      expect(recounted(feedbackIn(taken))).toEqual(recounted(said.map(({ feedback }) => feedback)));
    });

    test('have the same figures when they are shuffled, repeated, and cut into other batches', async () => {
      const said = events(source);
      const size = source.isOrdered ? said.length : 13;
      const taken = await read(source, disarranged(source, said), size);
      const again = source.isOrdered ? await read(source, said, said.length) : [];
      expect(recounted(feedbackIn([...taken, ...again]))).toEqual(
        recounted(said.map(({ feedback }) => feedback)),
      );
    });

    test('are unmatched exactly where the ids are left out', async () => {
      const said = events(source, { stripIdentity: 0.1, duplicates: source.isOrdered ? 0 : 0.05 });
      const stripped = said.filter(({ isIdentified }) => !isIdentified);
      expect(stripped.length).toBeGreaterThan(10);
      const taken = await read(source, said, said.length);
      const letters = deadLettersIn(taken);
      expect(new Set(letters.map(({ reason }) => reason))).toEqual(new Set(['unmatched']));
      expect(letters).toHaveLength(stripped.length);
      const identified = said.filter(({ isIdentified }) => isIdentified);
      expect(recounted(feedbackIn(taken))).toEqual(recounted(identified.map(({ feedback }) => feedback)));
    });
  },
);

describe.each(SIMULATED_SOURCES.map((source) => [source.name, source] as const))('%s', (_, source) => {
  test('writes the same bytes each time', () => {
    const options = { stripIdentity: 0.1, disorder: 0.01, duplicates: 0.1 };
    expect(events(source, options)).toEqual(events(source, options));
  });

  test('says every kind of feedback but those that it never says', () => {
    const never = NEVER[source.name] ?? [];
    const kinds = new Set(events(source).map(({ feedback }) => feedback.kind));
    expect([...kinds].sort()).toEqual(KINDS.filter((kind) => !never.includes(kind)));
  });

  test('says feedback that it can say as it is', () => {
    for (const { feedback } of events(source)) expect(source.sayable(feedback)).toEqual(feedback);
  });

  test('gives messages ids that differ in lower case too', () => {
    const ids = new Set(
      events(source).map(({ feedback: { deliveryId, messageId } }) => `${deliveryId}/${messageId}`),
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
