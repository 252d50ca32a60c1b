import { EfsError } from '../base/errors';
import type { SchemaRegistrar } from './registry';
import { resolve } from './resolution';
import { parseSchema, parseWriterSchema } from './schema';

/** A registry in memory that can be made to fail, and that counts its lookups. */
export interface MemoryRegistry extends SchemaRegistrar {
  /** While true every call throws `registry-unavailable`. */
  setDown(isDown: boolean): void;
  /** How often `schemaById` was called, with any result. */
  lookups(): number;
}

/**
 * Ids count from 1; the same text has the same id under every subject. A subject with a level accepts a schema only where
 * it reads records of every version and, where the level is FULL_TRANSITIVE, every version reads its records.
 */
export function memoryRegistry(): MemoryRegistry {
  const texts: string[] = [];
  const subjects = new Map<string, Set<string>>();
  const levels = new Map<string, string>();
  let down = false;
  let lookups = 0;

  const answer = <T>(make: () => T): Promise<T> =>
    down
      ? Promise.reject(new EfsError('registry-unavailable', 'the registry in memory is down'))
      : Promise.resolve().then(make);

  const incompatibleWith = (subject: string, schema: string): string | null => {
    try {
      parseWriterSchema(schema);
    } catch {
      return 'is not an Avro schema';
    }
    const level = levels.get(subject) ?? 'NONE';
    for (const version of subjects.get(subject) ?? []) {
      if (level !== 'NONE' && !reads(schema, version)) return `does not read what ${version} wrote`;
      if (level === 'FULL_TRANSITIVE' && !reads(version, schema)) return `is not read by ${version}`;
    }
    return null;
  };

  return {
    schemaById(id) {
      lookups += 1;
      return answer(() => {
        const text = texts[id - 1];
        return text === undefined ? null : parseWriterSchema(text);
      });
    },
    idOf: (subject, schema) =>
      answer(() => (subjects.get(subject)?.has(schema) === true ? texts.indexOf(schema) + 1 : null)),
    compatibility: (subject) => answer(() => levels.get(subject) ?? null),
    rejection: (subject, schema) => answer(() => incompatibleWith(subject, schema)),
    setCompatibility: (subject, level) => answer(() => void levels.set(subject, level)),
    register: (subject, schema) =>
      answer(() => {
        const incompatible = incompatibleWith(subject, schema);
        if (incompatible !== null) return { incompatible };
        subjects.set(subject, (subjects.get(subject) ?? new Set()).add(schema));
        if (!texts.includes(schema)) texts.push(schema);
        return { id: texts.indexOf(schema) + 1 };
      }),
    setDown(isDown) {
      down = isDown;
    },
    lookups: () => lookups,
  };
}

const reads = (reader: string, writer: string): boolean =>
  resolve(parseWriterSchema(writer), parseSchema(reader)) !== null;
