// The stream as a tab gets it: from the worker that all tabs share, or, where the browser has no such thing, of its own.
import { follow, STREAM } from './stream.js';

/** @import { Listener, Time } from './stream.js' */

/**
 * Follows all deliveries. Gives what ends it.
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
