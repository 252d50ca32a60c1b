import type { FastifyReply } from 'fastify';
import { EfsError } from '../base/errors';
import type { Feed, Subscription } from '../queries/feed';
import { networkOf, type Places } from './budget.http';

/** Keeps the response open and streams the feed to it. Throws `too-many-readers`. */
export function serveStream(
  { feed, places }: { readonly feed: Feed; readonly places: Places },
  reply: FastifyReply,
  subscription: Subscription,
): FastifyReply {
  const { raw } = reply;
  const leave = places.take(networkOf(reply.request.ip));
  if (leave === null)
    throw new EfsError(
      'too-many-readers',
      'as many live streams are open as there may be, or half of them from here',
    );
  raw.once('close', leave);
  const reader = feed.open({ write: (bytes) => raw.write(bytes), end: () => raw.destroy() }, subscription);
  if (reader === null)
    throw new EfsError('too-many-readers', `${feed.readers()} live streams are open, which is the maximum`);
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // Some proxies buffer a response before they pass it on.
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  raw.on('drain', reader.drained).on('close', reader.closed).on('error', reader.closed);
  return reply;
}
