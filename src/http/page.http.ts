import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';

/** Beside this file in `src/` and in `dist/`. */
const DIRECTORY = join(__dirname, '..', 'dashboard');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * Adds the files of the page. They are read once, so the path of a request never reaches the file system. `index.html`
 * is at
 * `/`. A browser revalidates its copy at each request.
 */
export function addPage(server: FastifyInstance): void {
  const names = readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' });
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const content = readFileSync(join(DIRECTORY, name));
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    const path = name.replaceAll('\\', '/');
    server.get(path === 'index.html' ? '/' : `/${path}`, async (request, reply) => {
      reply.header('cache-control', 'no-cache').header('etag', etag);
      const known = request.headers['if-none-match']?.split(/\s*,\s*/) ?? [];
      if (known.includes(etag)) return reply.code(304).send();
      return reply.type(type).send(content);
    });
  }
}
