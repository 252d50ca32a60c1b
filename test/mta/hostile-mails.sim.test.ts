import { mail as format } from '../../src/mta/formats/mail';
import { mailOutcomes } from './samples';

const RECIPIENT = 'Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\n';
const REPORT =
  `From: MAILER-DAEMON@example.net\nDate: Wed, 25 Nov 2026 08:30:00 +0000\nMessage-ID: <r@example.net>\n` +
  `Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n` +
  `Reporting-MTA: dns; example.net\n\n${Array.from({ length: 10_000 }, () => RECIPIENT).join('\n')}\n--b--\n`;

// Work that grows with the square of a megabyte takes minutes: longer than a test may.
describe('a hostile mail gives readings in time that does not grow with its square:', () => {
  it('ten thousand recipients, each of which is read', async () => {
    expect(await mailOutcomes(format, Buffer.from(REPORT))).toHaveLength(10_000);
  });

  it.each([
    [
      'a megabyte of nested parts',
      Array.from(
        { length: 20_000 },
        (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`,
      ).join(''),
    ],
    ['a megabyte of returned mails', 'Content-Type: message/rfc822\n\n'.repeat(35_000)],
    ['a megabyte of headers', 'From: mailer-daemon@example.net\n'.repeat(32_000)],
    ['a header of a megabyte', `Subject: ${'undeliverable '.repeat(75_000)}\n\n`],
    ['a line of a megabyte', `From: mailer-daemon@example.net\n\n${'mailbox exceeded its '.repeat(50_000)}`],
    [
      'a megabyte of addresses',
      `From: mailer-daemon@example.net\n\n${'<ann@example.net>:\n'.repeat(55_000)}`,
    ],
    ['a megabyte of unclosed tags', `Content-Type: text/html\n\n${'<style><'.repeat(125_000)}`],
    ['a megabyte of spaces', `From: mailer-daemon@example.net\n\n${' '.repeat(1_000_000)}`],
    ['nothing', ''],
    ['zero bytes', '\0'.repeat(1_000)],
  ])('%s', async (_, text) => {
    await expect(mailOutcomes(format, Buffer.from(text))).resolves.toBeInstanceOf(Array);
  });
});
