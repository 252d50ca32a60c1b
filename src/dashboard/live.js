// The stream of a tab: from the worker that all tabs share, or its own where the browser has no shared workers.
import { follow, STREAM } from './stream.js';

/** @import { Listener, Time } from './stream.js' */

/**
 * Follows all deliveries. Returns a function that ends it.
 * @param {Listener} listener
 * @param {Time} time
 */
export function listen(listener, time) {
  if (!('SharedWorker' in window)) {
    const stream = follow(STREAM, listener, time);
    return () => stream.close();
  }
  const worker = new SharedWorker('stream-worker.js', { type: 'module', name: 'efs-stream' });
  worker.port.onmessage = ({ data }) => {
    if ('state' in data) listener.state(data.state, data.since);
    else listener.batch(data.batch);
  };
  return () => worker.port.postMessage('leave');
}
