import { mtaEvent } from '../../src/mta/event';
import { identityRule } from '../../src/mta/identity';

const PUNCTUATION = String.raw`a-b.c+d*e?f(g)h[i]j{k}l|m^n$o/p\q=r`;

it('a pattern takes every sign literally but its placeholders', () => {
  const rule = identityRule(`verp:${PUNCTUATION}{messageId}@send.example.org`, 'messageId');
  const found = (sender: string): string | null =>
    rule.find(mtaEvent({ event: 'x', meaning: 'delivered', fields: {}, envelope: [sender] }));
  expect(found(`${PUNCTUATION}m-1@send.example.org`)).toBe('m-1');
  expect(found(`${PUNCTUATION.replace('.', 'x')}m-1@send.example.org`)).toBeNull();
});
