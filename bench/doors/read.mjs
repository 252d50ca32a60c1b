// Reads the live stream with many clients: most take what comes, some take a little now and then, some nothing at all.
//   PORT, READERS, SLOW, STOPPED (of the readers), MEASURED (of the others), SECONDS in the environment;
//   prints a line when all are connected, then { bytes, events, ended, told: [[delivery, revision, ms since 1970] ...] }:
//   what the measured ones were told and when; `ended` counts streams that the server ended of readers who take something.
//   Who takes nothing does not notice his end.
import { connect } from 'node:net';

const { PORT, READERS, SLOW, STOPPED, MEASURED, SECONDS } = process.env;
const [slow, stopped, measured] = [SLOW, STOPPED, MEASURED].map(Number);
const SIP_BYTES = 16 * 1024;
const SIP_MS = 1_000;

const told = [];
let ended = 0;
let bytes = 0;
let events = 0;
let over = false;

/** Notes what an event says; the server writes whole events, so a line in two pieces is of a full buffer only. */
function noteEvents() {
  let rest = '';
  return (piece) => {
    const at = Date.now();
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const [, id, revision] = /^data: \{"deliveryId":"([^"]+)".*?"revision":(\d+)/.exec(line) ?? [];
      if (id === undefined) continue;
      events += 1;
      told.push([id, Number(revision), at]);
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
        setInterval(() => void socket.read(Math.min(SIP_BYTES, socket.readableLength)), SIP_MS).unref();
      }
      if (kind === 'quick' && index >= Number(READERS) - measured) socket.on('data', noteEvents());
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
console.log(JSON.stringify({ bytes, events, ended, told }));
for (const socket of sockets) socket.destroy();
process.exitCode = 0;
