import { redriveCommands, sourceFacts, sourceProblems } from '../../src/dashboard/sources.js';

const AT = Date.UTC(2026, 10, 25, 4);
const source = {
  ...{ name: 'spark', format: 'sparkpost', since: '2026-11-25T03:00:00.000Z', unmatched: null },
  ...{ lastEventAt: '2026-11-25T03:59:18.000Z', feedback: 1_203, ignored: 7 },
  deadLetters: { unmatched: 12, 'not-parsable': 1 },
  events: { open: 7, delivery: 1_200, bounce: 3 },
};
const letter = {
  id: '0/1',
  at: source.since,
  reason: 'unmatched',
  detail: '',
  source: 'spark',
  format: 'ses',
};
const answer = { ingesters: [], sources: [source], letters: [], lettersProblem: null, at: '' };

describe('a source on the page', () => {
  it('shows the age of its last event and its counts, by reason and by its own words, most first', () => {
    expect(sourceFacts(source, AT)).toEqual([
      ['Last event', '42 s ago'],
      ['Feedback', '1,203'],
      ['Ignored', '7'],
      ['Dead letters', '13: unmatched 12 · not-parsable 1'],
      ['By event', 'delivery 1,200 · open 7 · bounce 3'],
      ['Counted since', '2026-11-25 03:00:00 UTC'],
    ]);
  });

  it('without any event is told from one without bounces', () => {
    expect(sourceFacts({ ...source, lastEventAt: null }, AT)).toEqual([
      ['Last event', 'none since 2026-11-25 03:00:00 UTC'],
    ]);
    const noBounces = Object.fromEntries(sourceFacts({ ...source, events: { delivery: 5 } }, AT));
    expect(noBounces['By event']).toBe('delivery 5');
  });

  it('shows twelve of its words and how many there are more', () => {
    const events = Object.fromEntries(
      Array.from({ length: 65 }, (_, index) => [`word-${index}`, 100 - index]),
    );
    const words = String(Object.fromEntries(sourceFacts({ ...source, events }, AT))['By event']);
    expect(words).toMatch(/^word-0 100 · .* · word-11 89 · 53 more$/);
  });
});

describe('problems of sources', () => {
  it('are the ingesters that do not answer and the sources whose events name no message, and nothing else', () => {
    expect(sourceProblems({ ...answer, ingesters: [{ url: 'http://a', problem: null }] })).toEqual([]);
    const found = sourceProblems({
      ...answer,
      ingesters: [{ url: 'http://b', problem: 'does not answer' }],
      sources: [source, { ...source, name: 'kumo', unmatched: 'this rule finds one' }],
    });
    expect(found).toEqual([
      { key: 'http://b', problem: 'does not answer' },
      { key: 'kumo', problem: 'this rule finds one' },
    ]);
  });

  it('have a command for each format of the letters', () => {
    expect(
      redriveCommands([letter, { ...letter, format: 'kumomta' }, letter, { ...letter, format: '' }]),
    ).toEqual(['efs ingest redrive kumomta', 'efs ingest redrive ses']);
  });
});
