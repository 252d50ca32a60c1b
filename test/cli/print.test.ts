import { grouped, percent, printLines, table } from '../../src/cli/print';

test('numbers have grouped digits', () => {
  expect([0, 999, 1000, 1234567.4].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']);
});

test('a share is a percentage with one decimal, and a dash where it is unknown', () => {
  expect([0, 0.1234, 1, null].map(percent)).toEqual(['0.0 %', '12.3 %', '100.0 %', '–']);
});

test('a table aligns its first column to the left and the others to the right', () => {
  expect(table([['a', '1', '22'], ['bbb', '333', ''], ['c']])).toEqual(['a      1  22', 'bbb  333', 'c']);
});

test('a table takes the side of each column, the last one for all further columns', () => {
  const rows = [
    ['a', 'b', 'c', 'd'],
    ['aa', 'bb', 'cc', 'dd'],
  ];
  expect(table(rows, 'lrl')).toEqual(['a    b  c   d', 'aa  bb  cc  dd']);
});

test('printed lines contain no control characters', () => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  printLines(['a\u001b[2J b\u202e', 'c']);
  const [[text]] = write.mock.calls as [[string]];
  write.mockRestore();
  expect(text).toBe('a [2J b \nc\n');
});
