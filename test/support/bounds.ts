/** The processor time, in milliseconds, that this process spends until `act` is done: what runs beside it takes none of it. */
export async function processorMs(act: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/**
 * What `act` gives. Throws where a timer of `ms` that begins with it ends first. A deadline that is a timer of this process
 * too ends in its order, however late a busy machine lets both of them be.
 */
export async function before<T>(ms: number, act: () => Promise<T>): Promise<T> {
  const acting = act();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not before a timer of ${ms} ms`)), ms);
  });
  return Promise.race([acting, late]).finally(() => clearTimeout(timer));
}
