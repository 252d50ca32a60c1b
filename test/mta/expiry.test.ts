import { classify } from '../../src/mta/classify';
import { expiryCause } from '../../src/mta/expiry';

describe('the cause of an expiry', () => {
  it.each([
    [null],
    [''],
    ['retry timeout exceeded'],
    ['smtp;delivery time expired'],
    ['4.4.7 (delivery time expired)'],
    ['returned to sender'],
    ['something else'],
  ])('is absent where the text only states the end: %s', (text) => {
    expect(expiryCause(text)).toBeNull();
  });

  it.each([
    ['smtp;452 4.2.2 over quota', 'smtp;452 4.2.2 over quota', 22],
    ['452 4.2.2 mailbox full: retry timeout exceeded', '452 4.2.2 mailbox full', 22],
    ['451 4.4.1 come back: retry timeout exceeded', '451 4.4.1 come back', 20],
  ])('is the last answer where the text has one: %s', (text, answer, bounceClass) => {
    const cause = expiryCause(text);
    expect(cause?.text).toBe(answer);
    expect(cause !== null && classify(cause).bounceClass).toBe(bounceClass);
  });
});
