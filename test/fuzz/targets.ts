import type { Target } from './target';
import { batches } from './targets/batches';
import { codecs } from './targets/codecs';
import { deadLetters } from './targets/dead-letters';
import { records } from './targets/records';
import { requests } from './targets/requests';
import { schemas } from './targets/schemas';
import { settings } from './targets/settings';
import { sources } from './targets/sources';
import { stored } from './targets/stored';

/** Every reader of bytes that come from outside. */
export const TARGETS: readonly Target[] = [
  batches,
  codecs,
  deadLetters,
  records,
  requests,
  schemas,
  settings,
  sources,
  stored,
];
