import type { ClassTables } from '../mta/classify';
import { NO_ADDITIONS } from '../mta/classify';
import type { SourceSettings } from '../mta/feedback';
import type { Format } from '../mta/format';
import { FORMATS } from '../mta/formats';
import { ruleError } from '../mta/identity';
import { identityOf } from '../mta/settings';
import type { IngestSource } from './source';

/** What a user may say of a source; null where nothing was said. */
export interface GivenSource {
  readonly name: string;
  readonly format: string;
  /** Identity rules. */
  readonly deliveryId: readonly string[] | null;
  readonly messageId: readonly string[] | null;
  readonly classes: ClassTables | null;
  readonly policy: SourceSettings['policy'];
  readonly validityPeriodMs: number | null;
  readonly notRelayed: SourceSettings['notRelayed'];
  /** Offset of times that name none: `Z`, `+02:00`. */
  readonly zone: string;
  readonly columns: readonly string[] | null;
}

/** A source of which only the format is said. */
export const ofFormat = (format: string): GivenSource => ({
  ...{ name: format, format, deliveryId: null, messageId: null, classes: null, policy: null },
  ...{ validityPeriodMs: null, notRelayed: 'fail', zone: 'Z', columns: null },
});

const ZONE = /^(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/u;

/** The format of a name; undefined for a name without one. */
export const formatOf = (name: string): Format | undefined => FORMATS.find((format) => format.name === name);

/** Everything that is wrong with what was said; empty where a source can be made of it. */
export function sourceErrors(given: GivenSource): string[] {
  const known = FORMATS.map(({ name }) => name).join(', ');
  const ruleErrors = (['deliveryId', 'messageId'] as const).flatMap((name) =>
    (given[name] ?? []).flatMap((text) => {
      const error = ruleError(text, name);
      return error === null ? [] : [`${name}: ${error}`];
    }),
  );
  return [
    ...(formatOf(given.format) === undefined
      ? [`format: "${given.format}" is not known; it is one of ${known}`]
      : []),
    ...ruleErrors,
    ...(ZONE.test(given.zone)
      ? []
      : [`zone: "${given.zone}" is no offset; write it like +02:00, or Z for UTC`]),
  ];
}

/**
 * The source that was said, without errors. `now` bounds dates that name no year: they are at most a day younger.
 * Milliseconds since 1970.
 */
export function ingestSource(given: GivenSource, now: number): IngestSource {
  const format = formatOf(given.format);
  if (format === undefined) throw new RangeError(`no format is named ${given.format}`);
  const { policy, validityPeriodMs, notRelayed, zone, columns } = given;
  return {
    name: given.name,
    format,
    settings: {
      format: format.name,
      identity: identityOf(format, given.deliveryId, given.messageId),
      classes: given.classes ?? NO_ADDITIONS,
      ...{ policy, validityPeriodMs, notRelayed },
    },
    reader: { zone, latest: now, columns },
  };
}
