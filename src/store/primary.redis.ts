import { Redis, type RedisOptions } from 'ioredis';

/**
 * Follows the primary that sentinels name. It leaves a former primary as soon as a sentinel tells of the new one: the
 * former one goes on to take writes for ten seconds and more, and then loses them.
 */
export class PrimaryClient extends Redis {
  readonly #sentinels: readonly Redis[];

  constructor(options: RedisOptions, sentinels: readonly Redis[], primaryName: string) {
    super(options);
    this.#sentinels = sentinels;
    for (const sentinel of sentinels) {
      // One that is down, or does not let us subscribe, leaves it to the others.
      const ignore = (): void => {};
      sentinel.on('error', ignore);
      sentinel.on('ready', () => void sentinel.subscribe('+switch-master').catch(ignore));
      sentinel.on('message', (_, text: string) => {
        if (text.startsWith(`${primaryName} `)) this.#leave();
      });
      sentinel.connect().catch(ignore);
    }
  }

  /** The sentinel that was asked for an address under way may not have heard of the new primary. */
  #leave(): void {
    if (this.status === 'ready') this.disconnect(true);
    else this.once('ready', () => this.disconnect(true));
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) for (const sentinel of this.#sentinels) sentinel.disconnect();
    super.disconnect(reconnect);
  }
}
