import type { Format } from './format';

/** Every format that can be ingested, in the order of the documentation. */
export const FORMATS: readonly Format[] = [];
