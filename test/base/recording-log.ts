import type { Log, LogFields, LogLevel } from '../../src/base/log';

export interface LogEntry {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its entries; children write into the same list. */
export function recordingLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const under = (inherited: LogFields): Log => {
    const write =
      (level: LogEntry['level']) =>
      (message: string, fields: LogFields = {}) =>
        void entries.push({ level, message, fields: { ...inherited, ...fields } });
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => under({ ...inherited, ...fields }),
    };
  };
  return { ...under({}), entries };
}
