import type { Feedback } from '../../src/feedback/feedback';
import { takenOfBody } from '../../src/ingest/body';
import { type GivenSource, ingestSource, ofFormat } from '../../src/ingest/configure';
import type { IngestLetter } from '../../src/feedback/ingest-letter';
import { remapped } from '../../src/ingest/letters';
import type { IngestSource, Taken } from '../../src/ingest/source';
import type { SaidEvent } from '../../src/simulation/sources/said';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { DEFAULT_GROUPS, type Recount, recountFacts } from '../recount/recount';

/** Dates of the simulated sources have years. */
const LATEST = Date.UTC(2099, 0, 1);

/** The source with more complaints than usual, so that there are some. */
export const moreComplaints = (source: SimulatedSource): SimulatedSource => ({
  ...source,
  mix: { ...source.mix, complaints: 0.03 },
});

/** The ingestion of a simulated source; `given` instead of what finds its ids. */
export const ingested = (
  { name, identity, framing }: SimulatedSource,
  given: Partial<GivenSource> = {},
): IngestSource => {
  // A row that is mapped alone has no header line above it.
  const columns = framing.head === '' ? null : framing.head.trim().split(',');
  return ingestSource({ ...ofFormat(name), ...identity, columns, ...given }, LATEST);
};

/** Reads events through the real mapper, at most `most` events a request. */
export async function read(
  { framing }: SimulatedSource,
  said: readonly SaidEvent[],
  most: number,
  mapper: IngestSource,
): Promise<Taken[]> {
  const size = framing.eventsMax === 1 ? 1 : most;
  const taken: Taken[] = [];
  for (let from = 0; from < said.length; from += size) {
    const texts = said.slice(from, from + size).map(({ text }) => text);
    taken.push(...(await takenOfBody(mapper, Buffer.from(framing.body(texts)), framing.contentType)));
  }
  return taken;
}

export const deadLettersIn = (taken: readonly Taken[]): { reason: string; detail: string }[] =>
  taken.flatMap(({ mapped }) => (mapped.outcome === 'dead-letter' ? [mapped] : []));

export const feedbackIn = (taken: readonly Taken[]): Feedback[] =>
  taken.flatMap(({ mapped }) => (mapped.outcome === 'feedback' ? [mapped.feedback] : []));

/** The different texts that were set aside. */
export const setAsideIn = (taken: readonly Taken[]): string[] => [
  ...new Set(
    taken.flatMap(({ mapped, raw }) =>
      mapped.outcome === 'dead-letter' ? [Buffer.from(raw as Uint8Array).toString()] : [],
    ),
  ),
];

/** What letters become when they are redriven by a mapper. */
export async function redriven(mapper: IngestSource, letters: readonly string[]): Promise<Taken[]> {
  const { mapped, left } = await remapped(
    mapper,
    letters.map((text): IngestLetter => {
      const { name } = mapper;
      return {
        id: '0/0',
        at: 0,
        reason: 'unmatched',
        detail: '',
        source: name,
        format: name,
        value: Buffer.from(text),
      };
    }),
    async (taken) => taken,
  );
  return [...mapped, ...left];
}

/** The recount of feedback: the messages with their judgement, the deliveries with their KPIs. */
export const recountOf = (feedback: readonly Feedback[]): Pick<Recount, 'messages' | 'deliveries'> =>
  recountFacts(
    feedback.map(({ kind, ...rest }) => ({ ...rest, type: kind })),
    { defaultPolicy: 'EFS', groups: DEFAULT_GROUPS },
  );

/** The same to compare with another, however often the feedback is repeated. */
export function recounted(feedback: readonly Feedback[]) {
  const { messages, deliveries } = recountOf(feedback);
  const kpis = [...deliveries].map(([id, { policy, kpis: figures }]) => [id, { policy, figures }]);
  return { messages: Object.fromEntries(messages), kpis: Object.fromEntries(kpis) as object };
}
