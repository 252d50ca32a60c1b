import type { Millis } from '../feedback/feedback';
import type { ReaderSettings } from './format';
import { timeOf, timeWithoutYear } from './time';

/** A line of a log in the form of syslog. */
export interface SyslogLine {
  /** Null where the date is no time. */
  readonly time: Millis | null;
  readonly host: string;
  /** `postfix/smtp`, `exim`. */
  readonly program: string;
  readonly text: string;
}

/** Longer lines are cut: syslog's own limit is lower. */
const LINE_MAX = 8_192;
const HEAD =
  /^(?:<\d{1,3}>)?(?:([A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)|(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\S{0,24})) {1,2}(\S{1,255}) ([^\s:[]{1,128})(?:\[\d{1,10}\])?: ?/u;

/** A line with the date of RFC 3164 or RFC 3339, as syslog daemons and Postfix's `maillog_file` write it; else null. */
export function syslogLine(line: string, { zone, latest }: ReaderSettings): SyslogLine | null {
  const head = HEAD.exec(line.slice(0, LINE_MAX));
  if (head === null) return null;
  const [whole, yearless, written, host = '', program = ''] = head;
  return {
    time: yearless === undefined ? timeOf(written, zone) : timeWithoutYear(yearless, zone, latest),
    host,
    program,
    text: line.slice(whole.length, LINE_MAX).trimEnd(),
  };
}
