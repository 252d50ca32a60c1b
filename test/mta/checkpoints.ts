import { parse } from 'csv-parse/sync';
import type { Reading } from '../../src/mta/event';
import type { Format, LineReader, ReaderSettings } from '../../src/mta/format';
import type { Json } from '../../src/mta/json';

interface Split {
  readonly place: number;
  readonly whole: Reading[][];
  readonly resumed: Reading[][];
  readonly saved: { readonly whole: string; readonly resumed: string };
}

function* splits<Line>(lines: readonly Line[], open: (saved: Json) => LineReader<Line>): Generator<Split> {
  const reader = open(null);
  const whole = lines.map((line) => [...reader.read(line)]);
  for (let place = 0; place <= lines.length; place += 1) {
    const before = open(null);
    const first = lines.slice(0, place).map((line) => [...before.read(line)]);
    const after = open(JSON.parse(JSON.stringify(before.saved())) as Json);
    const second = lines.slice(place).map((line) => [...after.read(line)]);
    const saved = { whole: JSON.stringify(reader.saved()), resumed: JSON.stringify(after.saved()) };
    yield { place, whole, resumed: [...first, ...second], saved };
  }
}

/** A log read to its end, and read again by two readers of which the second goes on where the first one stopped: for each line. */
export function splitReadings(format: Format, text: string, settings: ReaderSettings): Split[] {
  switch (format.framing) {
    case 'lines':
      return [...splits(text.split('\n'), (saved) => format.open(settings, saved))];
    case 'rows': {
      const rows: string[][] = parse(text, { relaxColumnCount: true });
      return [...splits(rows, (saved) => format.open(settings, saved))];
    }
    default:
      throw new Error(`${format.name} keeps nothing between events`);
  }
}
