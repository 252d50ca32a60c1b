import type { Compatibility } from '../avro/registry';

/** Apicurio answers NONE for a subject without a level of its own; NONE counts as no level. */
const NO_LEVEL = 'NONE';

/** What is wrong with a subject's own level, and its correction; null where it is right, or there is none yet. */
export function levelMismatch(subject: string, level: string | null, wanted: Compatibility): string | null {
  if (level === null || level === NO_LEVEL || level === wanted) return null;
  return `subject ${subject} has compatibility ${level}: set it to ${wanted}`;
}

/** Why the registry rejects a record's schema, and the correction. */
export const incompatibility = (subject: string, record: string, reason: string): string =>
  `subject ${subject} holds versions that ${record} is not compatible with (${reason}): remove them`;
