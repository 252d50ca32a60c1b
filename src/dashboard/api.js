// The page's requests to the server.

/** @import { Delivery, Staleness } from './model.js' */

/** An error response of the server, or no response. */
export class ApiError extends Error {
  /** @param {number} status 0 where no response came. @param {string} message @param {string | null} remedy */
  constructor(status, message, remedy) {
    super(message);
    this.status = status;
    this.remedy = remedy;
  }
}

/**
 * @typedef {{ readonly deliveries: readonly Delivery[], readonly total: number, readonly at: string,
 *   readonly stale: Staleness | null }} DeliveryList
 * @typedef {{ readonly messageId: string, readonly status: string, readonly reason: string | null,
 *   readonly failureType: string | null, readonly domainGroup: string, readonly relayedAt: string,
 *   readonly softBouncedAt: string | null, readonly decidedAt: string | null,
 *   readonly decidedBy: string | null, readonly complainedAt: string | null }} LogEntry
 * @typedef {Readonly<Record<string, string | number | null>>} Query what is null or empty is left out
 */

const TIMEOUT_MS = 10_000;

/** @param {unknown} body @param {number} status */
function errorOf(body, status) {
  const error = /** @type {{ error?: { message?: string, remedy?: string } } | null} */ (body)?.error;
  const message = error?.message ?? `the server answered ${status}`;
  return new ApiError(status, message, error?.remedy ?? null);
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @param {AbortSignal | null} signal
 */
async function request(path, init, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(path, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The service does not answer.', 'It may be restarting: the page keeps trying.');
  }
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw errorOf(body, response.status);
  return body;
}

/**
 * The JSON at a path below /api. Throws `ApiError`; an abort by the signal is rethrown unchanged.
 * @param {string} path
 * @param {Query} [query]
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, query = {}, signal = null) {
  return request(addressOf(path, query), { headers: { accept: 'application/json' } }, signal);
}

/**
 * The address of a path below /api with a query.
 * @param {string} path
 * @param {Query} [query]
 */
export function addressOf(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  const mark = path.includes('?') ? '&' : '?';
  return `/api${path}${text === '' ? '' : mark + text}`;
}

/**
 * The path of a delivery, or of what is below it. Its id is in the query: a path cannot name every delivery.
 * @param {string} deliveryId
 * @param {string} [below]
 */
export const deliveryPath = (deliveryId, below = '') =>
  `/deliveries/-${below}?${new URLSearchParams({ deliveryId })}`;

/** The path of a message, likewise. @param {string} deliveryId @param {string} messageId */
export const messagePath = (deliveryId, messageId) =>
  `/deliveries/-/messages/-?${new URLSearchParams({ deliveryId, messageId })}`;

/** Opens a session with the token; the server answers with a cookie. Throws `ApiError`. @param {string} token */
export async function login(token) {
  const headers = { 'content-type': 'application/json' };
  await request('/api/session', { method: 'POST', headers, body: JSON.stringify({ token }) }, null);
}
