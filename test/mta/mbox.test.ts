import { isMbox, messagesOf } from '../../src/mta/mbox';

const messages = (text: string): string[] =>
  [...messagesOf(Buffer.from(text))].map((message) => Buffer.from(message).toString());

describe('messagesOf', () => {
  it('splits before lines that begin with From and follow an empty line', () => {
    const one = 'From a@example.org Wed Nov 25 08:30:00 2026\nSubject: one\n\nbody\nFrom here on\n\n';
    const two = 'From b@example.org Wed Nov 25 08:31:00 2026\nSubject: two\n\nbody\n';
    expect(messages(one + two)).toEqual(['Subject: one\n\nbody\nFrom here on\n\n', 'Subject: two\n\nbody\n']);
  });

  it('takes away one > of those that quote From', () => {
    expect(messages('From x\nA: b\n\n>From me\n>>From you\n> From him\n>none\n')).toEqual([
      'A: b\n\nFrom me\n>From you\n> From him\n>none\n',
    ]);
  });

  it('splits with the line ends of DOS', () => {
    expect(messages('From x\r\nA: b\r\n\r\nFrom y\r\nC: d\r\n')).toEqual(['A: b\r\n\r\n', 'C: d\r\n']);
  });

  it('gives a message without a From line as it is, and nothing for nothing', () => {
    expect(messages('A: b\n\nbody')).toEqual(['A: b\n\nbody']);
    expect(messages('')).toEqual([]);
    expect(isMbox(Buffer.from('From x\n'))).toBe(true);
    expect(isMbox(Buffer.from('From: x\n'))).toBe(false);
  });
});
