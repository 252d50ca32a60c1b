import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMAS } from '../../../src/feedback/schemas';
import { invalidField } from '../../../src/feedback/validation';
import { takenOfBody } from '../../../src/ingest/body';
import type { IngestSource, Taken } from '../../../src/ingest/source';
import { FORMATS } from '../../../src/mta/formats';
import { customary, READER_SETTINGS } from '../../../src/mta/settings';
import { holds, inFewWords, type Target } from '../target';

const EXAMPLES = join(__dirname, '..', '..', '..', 'examples', 'sources');
const REJECTIONS = ['not-parsable', 'unknown-event', 'unmatched', 'invalid-field'];

const SOURCES: readonly IngestSource[] = FORMATS.map((format) => ({
  name: format.name,
  format,
  settings: customary(format),
  reader: READER_SETTINGS,
}));

/** The example of a format, behind the byte that names the format. */
function seeds(): Buffer[] {
  const files = readdirSync(EXAMPLES);
  return FORMATS.flatMap(({ name }, index) => {
    const own = files.filter((file) => (file === 'bounce.eml' ? 'mail' : file.split('.')[0]) === name);
    return own.map((file) => Buffer.concat([Buffer.from([index]), readFileSync(join(EXAMPLES, file))]));
  });
}

function saidOf({ mapped }: Taken): string {
  switch (mapped.outcome) {
    case 'ignored':
      return 'ignored';
    case 'dead-letter':
      holds(REJECTIONS.includes(mapped.reason), 'a reason of the contract');
      return `${mapped.reason} ${inFewWords(mapped.detail)}`;
    case 'feedback': {
      const { feedback, from } = mapped;
      holds(invalidField(feedback) === null, 'feedback is valid');
      // Throws for what no reader would decode.
      SCHEMAS[feedback.kind].type.toBuffer(feedback);
      return `${feedback.kind} ${from.class}`;
    }
  }
}

/** What MTAs and providers send, or anyone in their name: a body in the format that the first byte names. */
export const sources: Target = {
  name: 'sources',
  maxMs: 250,
  maxBytes: 32 << 10,
  open: async () => ({
    seeds: seeds(),
    async run(input) {
      const source = SOURCES[(input[0] ?? 0) % SOURCES.length]!;
      const body = input.subarray(1);
      const taken = await takenOfBody(source, body, null);
      const again = await takenOfBody(source, body, null);
      const mapped = (all: readonly Taken[]): string => JSON.stringify(all.map((each) => each.mapped));
      holds(mapped(again) === mapped(taken), 'the same bytes become the same');
      const setAside = new Set(taken.map(({ raw }) => raw));
      const bytes = [...setAside].reduce((sum, raw) => sum + raw.length, 0);
      holds(bytes <= 8 * body.length, 'what is set aside is not much longer than what was sent');
      return [source.name, ...new Set(taken.map(saidOf))].join('; ').slice(0, 200);
    },
  }),
};
