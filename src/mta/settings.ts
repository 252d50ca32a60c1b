import type { SourceSettings } from './feedback';
import { NO_ADDITIONS } from './classify';
import type { Format, ReaderSettings } from './format';
import { identityRules } from './identity';

/** Where every source may have ids: headers of ours that its messages carry. */
const OWN_HEADERS = { deliveryId: 'header:X-Delivery-ID', messageId: 'header:X-Message-ID' } as const;

/** The settings of a source of which nothing was set: the format's customary places of ids, then `native`. */
export function customary(format: Format): SourceSettings {
  const { deliveryId, messageId } = format.identity;
  return {
    format: format.name,
    identity: identityRules(
      [...deliveryId, OWN_HEADERS.deliveryId],
      [...messageId, OWN_HEADERS.messageId, 'native'],
    ),
    classes: NO_ADDITIONS,
    policy: null,
    validityPeriodMs: null,
    notRelayed: 'fail',
  };
}

/** Times are UTC, and no date lacks its year. */
export const READER_SETTINGS: ReaderSettings = { zone: 'Z', latest: Date.UTC(2099, 11, 31), columns: null };
