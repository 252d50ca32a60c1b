import { matchingRule, watchMatching } from '../../src/ingest/matching';
import { takenOfValue } from '../../src/ingest/source';
import type { JsonFormat } from '../../src/mta/format';
import type { Json } from '../../src/mta/json';
import { delivered, sampleSource } from './sample-door';

const NOW = Date.UTC(2026, 10, 25);
const format = sampleSource.format as JsonFormat;
const taken = (...events: object[]) => takenOfValue(sampleSource, format, events as unknown as Json);
const unmatched = { type: 'delivered', meta: { campaign_id: 'c1' }, message: 'm' };

describe('a source whose events name no message', () => {
  it('is reported with the rule that would find it, once most of its events of the last minutes are so', () => {
    const matching = watchMatching();
    matching.taken(
      sampleSource,
      taken(delivered('a'), delivered('b'), unmatched, unmatched, unmatched, unmatched),
      NOW,
    );
    expect(matching.reasons(NOW).get('shop')).toBeNull();
    matching.taken(sampleSource, taken(unmatched), NOW + 1_000);
    expect(matching.reasons(NOW).get('shop')).toBe(
      'most events of source shop name no message (5 of 7; no deliveryId: tried delivery, header:X-Delivery-ID); ' +
        'this rule finds one: deliveryId: meta.campaign_id',
    );
    expect(matching.reasons(NOW + 7 * 60_000).get('shop')).toBeNull();
  });

  it('has no hint where nothing in its events looks like an id', () => {
    const [one] = taken({ type: 'delivered', message: 'm', text: 'hello' });
    expect(one && matchingRule(sampleSource, one)).toBeNull();
  });
});
