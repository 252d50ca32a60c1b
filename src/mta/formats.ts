import type { Format } from './format';
import { brevo } from './formats/brevo';
import { efs } from './formats/efs';
import { exim } from './formats/exim';
import { kumomta } from './formats/kumomta';
import { mail } from './formats/mail';
import { mailgun } from './formats/mailgun';
import { mailjet } from './formats/mailjet';
import { mandrill } from './formats/mandrill';
import { momentumLog } from './formats/momentum-log';
import { postal } from './formats/postal';
import { postfix } from './formats/postfix';
import { postmark } from './formats/postmark';
import { powermta } from './formats/powermta';
import { resend } from './formats/resend';
import { sendgrid } from './formats/sendgrid';
import { ses } from './formats/ses';
import { sparkpost } from './formats/sparkpost';

/** Every format that can be ingested, in the order of the documentation. */
export const FORMATS: readonly Format[] = [
  ...[sparkpost, momentumLog, kumomta, ses, powermta, postfix, exim, mail],
  ...[sendgrid, mailgun, postmark, mailjet, brevo, resend, mandrill, postal, efs],
];
