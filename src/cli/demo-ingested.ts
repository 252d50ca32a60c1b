import { HOUR_MS } from '../base/time';
import type { Feedback } from '../feedback/feedback';
import { ingestSource, ofFormat } from '../ingest/configure';
import { takenOfValue } from '../ingest/source';
import { parseJson } from '../mta/json';
import { KUMOMTA } from '../simulation/sources/kumomta';

/** Deliveries of the campaign that comes in as an MTA writes it. */
const INGESTED = 'receipts-';

/** Feedback as KumoMTA writes it, read as `efs ingest kumomta` reads it; nothing for what KumoMTA never says. */
function ingester(): (feedback: Feedback) => readonly Feedback[] {
  const given = { ...ofFormat(KUMOMTA.name), ...KUMOMTA.identity, policy: 'EFS' as const };
  const source = ingestSource({ ...given, validityPeriodMs: 6 * HOUR_MS }, 0);
  const { format } = source;
  return (feedback) => {
    const said = KUMOMTA.sayable(feedback);
    if (said === null || format.framing !== 'json') return [];
    const taken = takenOfValue(source, format, parseJson(KUMOMTA.render(said, true)));
    return taken.flatMap(({ mapped }) => (mapped.outcome === 'feedback' ? [mapped.feedback] : []));
  };
}

/** The feedback of the campaigns, that of one by way of the log records of an MTA. */
export function* partlyIngested(events: Iterable<Feedback>): Generator<Feedback> {
  const ingested = ingester();
  for (const each of events) {
    if (each.deliveryId.startsWith(INGESTED)) yield* ingested(each);
    else yield each;
  }
}
