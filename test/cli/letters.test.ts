import { place } from '../../src/cli/dead-letters';
import { letterLines, type LetterView, listLines, redriveLines } from '../../src/cli/letters';

const view: LetterView = {
  id: '3/42',
  at: '2026-11-22T03:00:00.000Z',
  reason: 'invalid-field',
  detail: 'attempt',
  origin: 'mta.delivered/3/99',
  key: 'm1',
  headers: 2,
  bytes: 1_234,
  preview: { form: 'feedback', record: 'Delivered', fields: { messageId: 'm1', attempt: 0 } },
  redriven: false,
  truncated: false,
  redrivenFrom: null,
};

test('a list has one line per dead letter with its redrive state, then the numbers by reason', () => {
  const counts = new Map([
    ['not-avro', 1_000],
    ['invalid-field', 2],
  ]);
  const again = { ...view, id: '12/7', redrivenFrom: 'efs.dead-letter/1/1' };
  expect(listLines([view, { ...view, redriven: true }, again], counts)).toEqual([
    '3/42  2026-11-22T03:00:00.000Z  invalid-field  mta.delivered/3/99  attempt',
    '3/42  2026-11-22T03:00:00.000Z  invalid-field  mta.delivered/3/99  attempt, put back',
    '12/7  2026-11-22T03:00:00.000Z  invalid-field  mta.delivered/3/99  attempt, dead-lettered again',
    '3 of 1,002: invalid-field 2, not-avro 1,000',
  ]);
  expect(listLines([], new Map())).toEqual(['no dead letters']);
});

test('a dead letter is shown with its fields', () => {
  const text = letterLines(view).join('\n');
  expect(text).toMatch(/^dead letter 3\/42\n/);
  expect(text).toMatch(/^ {2}value +1,234 bytes$/m);
  expect(text).toMatch(/^ {4}attempt +0$/m);
  const bytes = letterLines({ ...view, preview: { form: 'bytes', text: 'hex 00' }, bytes: 1 }).join('\n');
  expect(bytes).toMatch(/^ {2}not feedback +hex 00$/m);
});

test('the report of a redrive counts what was put back by topic, and what was skipped by cause', () => {
  const report = { put: new Map([['mta.relayed', 1_500]]), already: 1, again: 2, homeless: 3, truncated: 0 };
  expect(redriveLines(report, true)[0]).toBe('1,500 would be put back');
  expect(redriveLines(report, false)).toEqual([
    '1,500 put back',
    '  mta.relayed 1,500',
    '1 skipped: put back before',
    '2 skipped: put back before and dead-lettered again (--again includes them)',
    '3 skipped: their topic or partition does not exist',
  ]);
});

test('the position of a dead letter is partition/offset, and anything else is refused', () => {
  expect(place('3/42')).toEqual({ partition: 3, offset: 42 });
  for (const text of ['3', '3/x', '/1', '-1/2', '3/42/1']) expect(() => place(text)).toThrow('like 3/42');
});
