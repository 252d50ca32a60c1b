import { ingestFrame } from '../../src/app/ingest-frame';
import { NO_LOG } from '../../src/base/log';
import { takenOfValue } from '../../src/ingest/source';
import type { JsonFormat } from '../../src/mta/format';
import { configFrom } from '../../src/settings/config';
import { delivered, sampleSource } from '../ingest/sample-door';

const taken = (event: object) =>
  takenOfValue(sampleSource, sampleSource.format as JsonFormat, Array(5).fill(event));

describe('an ingester', () => {
  it('warns of a source whose events name no message, and stays ready', () => {
    const frame = ingestFrame(configFrom({}), {
      ...{ log: NO_LOG, sources: [sampleSource], held: () => 0, indexWithinMs: 0 },
    });
    const { health } = frame;
    health.set('kafka', null);
    frame.onTaken(sampleSource, taken({ type: 'delivered', message: 'm' }));
    expect(health.reasons()).toEqual([]);
    expect(health.warnings()).toEqual([
      {
        key: 'source shop',
        warning: expect.stringMatching(/^most events of source shop name no message \(5 of 5; /),
      },
    ]);
    frame.onTaken(sampleSource, taken(delivered('a')));
    expect(health.warnings()).toEqual([]);
    frame.abort.abort();
  });
});
