import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ingestCommand } from '../../src/cli/ingest';

// The commands of the pages on sources, run as they are printed, but in this process.

const root = join(__dirname, '..', '..');
const PAGES = join(root, 'docs', 'sources');

interface Printed {
  readonly page: string;
  readonly words: readonly string[];
  /** What stands between `<<'WORD'` and the word; null without. */
  readonly input: string | null;
}

/** A command of a shell as words: quotes are taken off, a line end after a backslash is a space. */
const wordsOf = (command: string): string[] =>
  [...command.replace(/\\\n/g, ' ').matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) =>
    word.replaceAll("'", ''),
  );

/** A command over lines that end with a backslash, and the text that it reads. */
const COMMAND = /^efs ingest (?:.*\\\n)*.*?(?:<<'(\w+)'\n([^]*?)^\1$|$)/gm;

function printedIn(page: string): Printed[] {
  const text = readFileSync(join(PAGES, page), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block = '']) => block);
  const commands = blocks.flatMap((block) => [...block.matchAll(COMMAND)]);
  return commands.map(([whole, word, input]) => ({
    page,
    words: wordsOf(word === undefined ? whole : whole.slice(0, whole.indexOf('<<'))),
    input: input ?? null,
  }));
}

const printed = readdirSync(PAGES)
  .filter((page) => page.endsWith('.md'))
  .flatMap(printedIn);
const dryRuns = printed.filter(({ words }) => words.includes('--dry-run'));

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'efs-sources-'))));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => jest.restoreAllMocks());

/** What a command prints on standard output. */
async function output({ words, input }: Printed): Promise<string> {
  const [, , ...given] = words;
  const file = join(folder, 'input');
  if (input !== null) writeFileSync(file, input);
  const args = given.map((word) => (word === '-' && input !== null ? file : word));
  const written: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const command = ingestCommand().exitOverride();
  await command.parseAsync(args, { from: 'user' });
  jest.restoreAllMocks();
  return written.join('');
}

interface Outcome {
  readonly outcome: string;
  readonly reason?: string;
}

test('every page of a format has a command that can be tried out', () => {
  const formats = readdirSync(PAGES).filter((page) => page.endsWith('.md') && page !== 'README.md');
  expect([...new Set(dryRuns.map(({ page }) => page))]).toEqual(expect.arrayContaining(formats));
});

test.each(dryRuns.map((each) => [`${each.page}: ${each.words.join(' ').slice(0, 90)}`, each] as const))(
  '%s prints feedback, and reads every event',
  async (_, each) => {
    const lines = (await output(each)).trimEnd().split('\n');
    const outcomes = lines.map((line) => JSON.parse(line) as Outcome);
    expect(outcomes.filter(({ outcome }) => outcome === 'feedback')).not.toEqual([]);
    expect(outcomes.filter(({ reason }) => reason === 'not-parsable')).toEqual([]);
  },
);
