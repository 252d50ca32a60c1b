import type { Format } from './format';
import { efs } from './formats/efs';
import { kumomta } from './formats/kumomta';
import { MAIL } from './formats/mail';
import { mandrill } from './formats/mandrill';
import { momentumLog } from './formats/momentum-log';
import { POWERMTA } from './formats/powermta';
import { sparkpost } from './formats/sparkpost';

/** Every format that can be ingested, in the order of the documentation. */
export const FORMATS: readonly Format[] = [sparkpost, momentumLog, kumomta, POWERMTA, MAIL, mandrill, efs];
