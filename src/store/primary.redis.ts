import { Redis, type RedisOptions } from 'ioredis';

/**
 * Follows the primary that sentinels name. It leaves a former primary as soon as a sentinel publishes the new one: the
 * former one still accepts writes for ten seconds and more, and then loses them.
 */
export class PrimaryClient extends Redis {
  readonly #sentinels: readonly Redis[];

  constructor(options: RedisOptions, sentinels: readonly Redis[], primaryName: string) {
    super(options);
    this.#sentinels = sentinels;
    for (const sentinel of sentinels) {
      // A sentinel that is down or refuses the subscription is covered by the others.
      const ignore = (): void => {};
      sentinel.on('error', ignore);
      sentinel.on('ready', () => void sentinel.subscribe('+switch-master').catch(ignore));
      sentinel.on('message', (_, text: string) => {
        if (text.startsWith(`${primaryName} `)) this.#leave();
      });
      sentinel.connect().catch(ignore);
    }
  }

  /** A connection attempt in progress may have its address from a sentinel that does not know the new primary yet. */
  #leave(): void {
    if (this.status === 'ready') this.disconnect(true);
    else this.once('ready', () => this.disconnect(true));
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) for (const sentinel of this.#sentinels) sentinel.disconnect();
    super.disconnect(reconnect);
  }
}
