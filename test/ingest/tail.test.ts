import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { follow } from '../../src/ingest/follow';
import type { Taken } from '../../src/ingest/source';
import { readCheckpoint } from '../../src/ingest/tail';
import type { LineFormat } from '../../src/mta/format';
import type { Json } from '../../src/mta/json';

/** A format whose lines are ignored by their own text, and which counts them over checkpoints. */
const lines: LineFormat = {
  name: 'lines',
  framing: 'lines',
  identity: { deliveryId: [], messageId: [] },
  open(_, saved: Json) {
    let count = typeof saved === 'number' ? saved : 0;
    return {
      read: (line) => {
        count += 1;
        return [{ ignored: `${count} ${line}` }];
      },
      saved: () => count,
    };
  },
};
const source = { name: 'log', format: lines, settings: customary(lines), reader: READER_SETTINGS };

describe('a log that is followed', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'efs-tail-'));
    path = join(folder, 'mail.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /**
   * Follows the log while `acts` happen, one whenever the follower has read everything and waits; ends after the last.
   * A number waits for so many milliseconds. A write that throws ends the process at that point.
   */
  async function followed(
    acts: readonly ((() => void) | number)[],
    write: (texts: readonly string[]) => void = () => undefined,
  ): Promise<string[]> {
    const read: string[] = [];
    const abort = new AbortController();
    let now = 0;
    let until = 0;
    const left = [...acts];
    const clock = {
      monotonic: () => now,
      sleep: (ms: number) => {
        now += ms;
        if (now < until) return Promise.resolve();
        const act = left.shift();
        if (act === undefined) abort.abort();
        else if (typeof act === 'number') until = now + act;
        else act();
        return Promise.resolve();
      },
    } as unknown as Clock;
    const take = (taken: readonly Taken[]): Promise<void> => {
      const texts = taken.map(({ mapped }) => (mapped as { event: string }).event);
      write(texts);
      read.push(...texts);
      return Promise.resolve();
    };
    const how = { source, format: lines, path, checkpoint: `${path}.checkpoint`, clock };
    await follow({ ...how, signal: abort.signal, write: take });
    return read;
  }

  it('is read from its beginning, and then as it grows, line by whole line', async () => {
    writeFileSync(path, 'a\nb\nc');
    expect(await followed([() => appendFileSync(path, 'c\nd\n')])).toEqual(['1 a', '2 b', '3 cc', '4 d']);
  });

  it('may appear later', async () => {
    expect(await followed([() => writeFileSync(path, 'a\n')])).toEqual(['1 a']);
  });

  it('is read on after a restart, with what its reader kept', async () => {
    writeFileSync(path, 'a\nb\npart');
    await followed([]);
    appendFileSync(path, 'ial\nc\n');
    expect(await followed([])).toEqual(['3 partial', '4 c']);
  });

  it('loses nothing at a rotation by rename, also of what is still written to the old file', async () => {
    writeFileSync(path, 'a\n');
    const read = await followed([
      () => renameSync(path, `${path}.1`),
      () => writeFileSync(path, 'c\n'),
      () => appendFileSync(`${path}.1`, 'b\n'),
      10_000,
      () => appendFileSync(path, 'd\n'),
    ]);
    expect(read).toEqual(['1 a', '2 b', '3 c', '4 d']);
  });

  it('loses nothing where it is rotated while it is not followed', async () => {
    writeFileSync(path, 'a\n');
    await followed([]);
    appendFileSync(path, 'b\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'c\n');
    expect(await followed([10_000])).toEqual(['2 b', '3 c']);
  });

  it('is read from its beginning again after a rotation by truncation', async () => {
    writeFileSync(path, 'a\nb\n');
    const read = await followed([() => writeFileSync(path, 'c\n'), () => appendFileSync(path, 'd\n')]);
    expect(read).toEqual(['1 a', '2 b', '3 c', '4 d']);
  });

  it('is read from its beginning where another file has the name and the inode of the checkpoint', async () => {
    writeFileSync(path, 'a\nb\n');
    await followed([]);
    writeFileSync(path, 'x\ny\nz\n');
    expect(await followed([])).toEqual(['3 x', '4 y', '5 z']);
  });

  it('is read again from before what could not be written', async () => {
    writeFileSync(path, 'a\n');
    await followed([]);
    appendFileSync(path, 'b\n');
    const failing = followed([], () => {
      throw new Error('no acknowledgement');
    });
    await expect(failing).rejects.toThrow('no acknowledgement');
    expect((await readCheckpoint(`${path}.checkpoint`))?.offset).toBe(2);
    expect(await followed([])).toEqual(['2 b']);
  });

  it('loses nothing where the first start crashes before a checkpoint of what it read, and the log is rotated then', async () => {
    writeFileSync(path, 'a\n');
    const crashing = followed([], (texts) => {
      if (texts.length > 0) throw new Error('killed');
    });
    await expect(crashing).rejects.toThrow('killed');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'b\n');
    expect(await followed([10_000])).toEqual(['1 a', '2 b']);
  });

  it('keeps its checkpoint in one small file', async () => {
    writeFileSync(path, 'a\n');
    await followed([]);
    expect(JSON.parse(readFileSync(`${path}.checkpoint`, 'utf8'))).toMatchObject({ offset: 2, saved: 1 });
  });
});
