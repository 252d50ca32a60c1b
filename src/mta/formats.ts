import type { Format } from './format';
import { MAIL } from './formats/mail';
import { POWERMTA } from './formats/powermta';
import { sparkpost } from './formats/sparkpost';

/** Every format that can be ingested, in the order of the documentation. */
export const FORMATS: readonly Format[] = [sparkpost, POWERMTA, MAIL];
