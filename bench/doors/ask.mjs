// Sends every request of the read API, in turn, at a steady rate. An answer's time runs from when its request was due,
// so that one that holds up the others counts for all of them.
//   PORT, DELIVERY, RATE (requests per second), SECONDS in the environment;
//   prints the milliseconds of every answer, sorted, by request.
const { PORT, DELIVERY, RATE, SECONDS } = process.env;
const rate = Number(RATE);
const log = `/api/deliveries/${encodeURIComponent(DELIVERY)}/messages`;

async function ask(path) {
  const answer = await fetch(`http://127.0.0.1:${PORT}${path}`);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${body}`);
  return JSON.parse(body);
}

/** Pages through the whole log: each call returns the next page, and the first one after the last. */
function walk(limit, cursor = null) {
  return async () => {
    const at = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    ({ cursor } = await ask(`${log}?limit=${limit}${at}`));
  };
}

const DEEP = 100;
/** The cursor of a page far from the first one. */
async function deepCursor() {
  let cursor = null;
  for (let page = 0; page < DEEP; page++) {
    const at = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    ({ cursor } = await ask(`${log}?limit=1000${at}`));
  }
  return cursor;
}

const cursor = await deepCursor();
const { messages } = await ask(`${log}?limit=1000&cursor=${encodeURIComponent(cursor)}`);
let turn = 0;
const aMessage = () => messages[turn++ % messages.length].messageId;

const KINDS = {
  'deliveries, sorted': () => ask('/api/deliveries?sort=success&order=asc'),
  'one delivery': () => ask(`/api/deliveries/${encodeURIComponent(DELIVERY)}`),
  'log: first page': () => ask(`${log}?limit=50`),
  'log: only failed': () => ask(`${log}?status=FAILED&limit=50`),
  'log: a reason no message has': () => ask(`${log}?reason=ACCOUNT_DISABLED&limit=50`),
  'log: from deep inside on, 50 a page': walk(50, cursor),
  'log: from deep inside on, 1,000 a page': walk(1_000, cursor),
  'one message': () => ask(`${log}/${encodeURIComponent(aMessage())}`),
  tasks: () => ask('/api/tasks'),
  'dead letters': () => ask('/api/dead-letters'),
  health: () => ask('/api/health'),
};

const kinds = Object.entries(KINDS);
const took = Object.fromEntries(kinds.map(([name]) => [name, []]));
/** One request of a kind is in flight at a time: the next page needs the cursor of the page before. */
const last = new Map(kinds.map(([name]) => [name, Promise.resolve()]));
const began = performance.now();
for (let sent = 0; sent < rate * Number(SECONDS); sent++) {
  const due = began + (sent * 1_000) / rate;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  const [name, kind] = kinds[sent % kinds.length];
  last.set(
    name,
    last
      .get(name)
      .then(kind)
      .then(() => took[name].push(performance.now() - due)),
  );
}
await Promise.all(last.values());
for (const list of Object.values(took)) list.sort((a, b) => a - b);
console.log(JSON.stringify(took));
