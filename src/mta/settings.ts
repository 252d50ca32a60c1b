import type { SourceSettings } from './feedback';
import { NO_ADDITIONS } from './classify';
import type { Format, ReaderSettings } from './format';
import { type IdentityRules, identityRules } from './identity';

/** Where every source may have ids: headers of ours that its messages carry. */
export const OWN_HEADERS = { deliveryId: 'header:X-Delivery-ID', messageId: 'header:X-Message-ID' } as const;

const unique = (rules: readonly string[]): string[] => [...new Set(rules)];

/**
 * The identity rules of a source: those that were given; for an id without any, the format's customary places, and for
 * the message then the source's own id. Throws `RangeError` where `ruleError` says why.
 */
export function identityOf(
  { identity }: Format,
  deliveryId: readonly string[] | null,
  messageId: readonly string[] | null,
): IdentityRules {
  return identityRules(
    deliveryId ?? unique([...identity.deliveryId, OWN_HEADERS.deliveryId]),
    messageId ?? unique([...identity.messageId, OWN_HEADERS.messageId, 'native']),
  );
}

/** The settings of a source of which nothing was set. */
export const customary = (format: Format): SourceSettings => ({
  format: format.name,
  identity: identityOf(format, null, null),
  classes: NO_ADDITIONS,
  policy: null,
  validityPeriodMs: null,
  notRelayed: 'fail',
});

/** Times are UTC, and no date lacks its year. */
export const READER_SETTINGS: ReaderSettings = { zone: 'Z', latest: Date.UTC(2099, 11, 31), columns: null };
