import { assert } from '../base/assert';
import type { Millis } from '../feedback/feedback';

/** What is known of a delivery that is retired. */
export interface Retirement {
  /** When it was retired. */
  readonly at: Millis;
  /** All feedback that the log held at this time has been counted; later feedback may not have been. */
  readonly asOf: Millis;
}

/** The last millisecond that has a date. */
const LAST_MOMENT = 8.64e15;

/** An entry of the hash of retired deliveries. */
export const encodeRetirement = ({ at, asOf }: Retirement): Buffer => Buffer.from(`${at}/${asOf}`, 'latin1');

/** Inverse of `encodeRetirement`. Other bytes are a broken invariant. */
export function decodeRetirement(value: Buffer): Retirement {
  const [at = NaN, asOf = NaN] = value.toString('latin1').split('/').map(Number);
  assert(Math.abs(at) <= LAST_MOMENT && !Number.isNaN(asOf), 'a retirement without its times is stored');
  return { at, asOf };
}
