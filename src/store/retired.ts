import type { Millis } from '../feedback/feedback';

/** What is known of a delivery that is retired. */
export interface Retirement {
  /** When it was retired. */
  readonly at: Millis;
  /** All feedback that the log held at this time has been counted; later feedback may not have been. */
  readonly asOf: Millis;
}

/** An entry of the hash of retired deliveries. */
export const encodeRetirement = ({ at, asOf }: Retirement): Buffer => Buffer.from(`${at}/${asOf}`, 'latin1');

export function decodeRetirement(value: Buffer): Retirement {
  const [at = NaN, asOf = NaN] = value.toString('latin1').split('/').map(Number);
  return { at, asOf };
}
