import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { EfsError, type ErrorCode } from '../base/errors';

const STATUS: Partial<Record<ErrorCode, number>> = {
  'request-invalid': 400,
  'not-authorized': 401,
  'not-allowed': 403,
  'not-found': 404,
  'not-ready': 503,
  'too-many-readers': 503,
  'too-busy': 503,
  'redis-unavailable': 503,
  'kafka-unavailable': 503,
  'token-unavailable': 503,
  'registry-unavailable': 503,
};

/** Responds with an error of the error table: its code, message and remedy. */
export function sendError(reply: FastifyReply, error: EfsError): FastifyReply {
  const { code, message, remedy } = error;
  const status = STATUS[code] ?? 500;
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503) reply.header('retry-after', '2');
  return reply.code(status).send({ error: { code, message, remedy } });
}

/** Responds to an error of a request. Errors that fastify reports are the client's; any other is a bug of the service. */
export function onError(error: FastifyError, _: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof EfsError) return sendError(reply, error);
  const status = error.statusCode ?? 500;
  if (status >= 500) {
    const bug = {
      code: 'internal',
      message: 'the service failed to answer',
      remedy: 'this is a bug: report it',
    };
    return reply.code(500).send({ error: bug });
  }
  const { code, message, remedy } = new EfsError('request-invalid', error.message);
  return reply.code(status).send({ error: { code, message, remedy } });
}

export function onNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '';
  return sendError(reply, new EfsError('not-found', `there is nothing at ${request.method} ${path}`));
}
