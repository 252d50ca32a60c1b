// Reads the live stream with many clients: most read everything, some read slowly, some read nothing.
//   PORT, READERS, SLOW, STOPPED (of the readers), MEASURED (of the others), SECONDS in the environment;
//   prints a line once all are connected, then { bytes, events, ended, changes: [[delivery, revision, ms since 1970] ...] }:
//   the changes that the measured ones read; `ended` counts streams that the server ended of readers that read.
//   A reader that reads nothing does not notice its end.
import { connect } from 'node:net';

const { PORT, READERS, SLOW, STOPPED, MEASURED, SECONDS } = process.env;
const [slow, stopped, measured] = [SLOW, STOPPED, MEASURED].map(Number);
const SLOW_BYTES = 16 * 1024;
const SLOW_MS = 1_000;

const changes = [];
let ended = 0;
let bytes = 0;
let events = 0;
let over = false;

/** Records the change of an event; the server writes whole events, so a line in two pieces is of a full buffer only. */
function recordEvents() {
  let rest = '';
  return (piece) => {
    const at = Date.now();
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const [, id, revision] = /^data: \{"deliveryId":"([^"]+)".*?"revision":(\d+)/.exec(line) ?? [];
      if (id === undefined) continue;
      events += 1;
      changes.push([id, Number(revision), at]);
    }
  };
}

function open(index) {
  const kind = index < stopped ? 'stopped' : index < stopped + slow ? 'slow' : 'quick';
  const socket = connect(Number(PORT), '127.0.0.1');
  socket.write(`GET /api/stream?snapshot=off HTTP/1.1\r\nHost: 127.0.0.1:${PORT}\r\n\r\n`);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (!over && kind !== 'stopped') ended += 1;
  });
  return new Promise((resolve) => {
    socket.once('data', () => {
      resolve(socket);
      if (kind === 'quick') socket.on('data', (piece) => (bytes += piece.length));
      else socket.pause();
      if (kind === 'slow') {
        socket.removeAllListeners('data');
        socket.on('readable', () => undefined);
        setInterval(() => void socket.read(Math.min(SLOW_BYTES, socket.readableLength)), SLOW_MS).unref();
      }
      if (kind === 'quick' && index >= Number(READERS) - measured) socket.on('data', recordEvents());
    });
  });
}

const sockets = [];
for (let index = 0; index < Number(READERS); index += 50) {
  const some = Array.from({ length: Math.min(50, Number(READERS) - index) }, (_, i) => open(index + i));
  sockets.push(...(await Promise.all(some)));
}
console.log(`connected ${sockets.length}`);
await new Promise((resolve) => setTimeout(resolve, Number(SECONDS) * 1_000));
over = true;
console.log(JSON.stringify({ bytes, events, ended, changes }));
for (const socket of sockets) socket.destroy();
process.exitCode = 0;
