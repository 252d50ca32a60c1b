import { masked, maskedDetail, previewOf } from '../../src/feedback/redaction';
import { feedback } from '../support/feedback';

const bounce = feedback.hardBounced({
  messageId: 'm@1',
  diagnostic: '550 <jane.doe@example.com>: unknown; was sent as bounce+jane=40example.com@mta.example.org',
});
const value = Buffer.from('\u0000\u0000{"to":"jane@example.com"}');

describe('a preview', () => {
  test('shows the fields of feedback: ids unchanged, addresses in texts without their local part', () => {
    expect(previewOf(value, bounce, { showsRecipients: false })).toMatchObject({
      form: 'feedback',
      record: 'HardBounced',
      fields: {
        messageId: 'm@1',
        deliveryId: bounce.deliveryId,
        recipientDomain: bounce.recipientDomain,
        diagnostic: '550 <***@example.com>: unknown; was sent as ***@mta.example.org',
      },
    });
    const open = JSON.stringify(previewOf(value, bounce, { showsRecipients: true }));
    expect(open).toContain('jane.doe@example.com');
  });

  test('shows only the frame and the length of bytes that are not feedback, unless it shows recipients', () => {
    expect(previewOf(value, null, { showsRecipients: false })).toEqual({
      form: 'bytes',
      text: `hex 00007b22746f223a…, ${value.length} bytes`,
    });
    expect(previewOf(value, null, { showsRecipients: false, bytes: 5_242_880 })).toMatchObject({
      text: expect.stringMatching(/, 5242880 bytes$/) as string,
    });
    expect(JSON.stringify(previewOf(value, null, { showsRecipients: true }))).toContain('jane@example.com');
    expect(previewOf(Buffer.alloc(0), null, { showsRecipients: false })).toMatchObject({
      text: 'hex , 0 bytes',
    });
    expect(previewOf(null, null, { showsRecipients: false })).toBeNull();
  });

  test('is bounded, and shows no part of an address that the bound cuts', () => {
    const diagnostic = `${'x'.repeat(180)} ${'jane.doe.'.repeat(4)}@example.com ${'y '.repeat(50_000)}`;
    const preview = previewOf(value, { ...bounce, diagnostic }, { showsRecipients: false });
    const shown = preview?.form === 'feedback' ? String(preview.fields['diagnostic']) : '';
    expect(shown).toHaveLength(200);
    expect(shown).not.toContain('jane');
  });
});

test('the detail of a dead letter is masked only where it may quote the record', () => {
  expect(maskedDetail('too-large', '1048496 bytes, at most 262144')).toBe('1048496 bytes, at most 262144');
  expect(maskedDetail('wrong-record', 'schema 7 is jane@example.com')).toBe('schema 7 is ***@example.com');
  expect(maskedDetail('unknown', 'jane@example.com')).toBe('***@example.com');
});

test('masking looks at no more of a text for each sign than an address can be long', () => {
  const measure = (text: string): number => {
    const spy = jest.spyOn(RegExp.prototype, 'test');
    masked(text);
    const looks = spy.mock.calls.length;
    spy.mockRestore();
    return looks;
  };
  expect(measure('a'.repeat(2_000))).toBeLessThan(10);
  expect(measure(`${'a'.repeat(2_000 - 1)}@`)).toBeLessThan(200);
});

test.each([
  ['plain', 'to jane.doe@example.com now', 'to ***@example.com now'],
  ['quoted', 'to "jane doe"@example.com', 'to ***@example.com'],
  ['in brackets', '<jane@[192.0.2.1]>', '<***@[192.0.2.1]>'],
  ['without a domain', 'jane@', '***@'],
  ['escaped', 'u=jane%40example.com&x', '***@example.com&x'],
  ['international', 'δοκιμή@παράδειγμα.gr', '***@παράδειγμα.gr'],
  ['spelt out', 'jane(at)example.com', '***@example.com'],
  ['a telephone number', 'call 0301234567', 'call ***'],
  ['a control character', 'a\u001bb', 'a b'],
  ['full-width', 'jane＠example.com or jane﹫example.com', '***@example.com or ***@example.com'],
  ['as an entity', 'jane&commat;example.com jane&#x40;example.com', '***@example.com ***@example.com'],
  ['escaped twice', 'u=jane%2540example.com', '***@example.com'],
  ['with a blank', 'jane @example.com, jane @ example.com', '***@example.com, ***@example.com'],
  ['in words', 'jane.doe at example.com, jane [at] example.com', '***@example.com, ***@example.com'],
  ['a path of UUCP', 'via mx!example!jane', 'via mx!***!***'],
  ['a telephone number in groups', 'call 0171-234-5678 or +49 171 234 56', 'call *** or ***'],
  ['an account number in groups', 'pay DE89 3704 0044 0532 0130 00 now', 'pay *** now'],
  ['a host, a date and codes', '421 4.7.0 [192.0.2.1] 2026-11-22', '421 4.7.0 [192.0.2.1] 2026-11-22'],
  ['a sign with nothing before it', '@example.com', '@example.com'],
  ['nothing personal', '550 5.1.1 mailbox unavailable', '550 5.1.1 mailbox unavailable'],
])('masked text: %s', (_, text, clean) => {
  expect(masked(text)).toBe(clean);
});
