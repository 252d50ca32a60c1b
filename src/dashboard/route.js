// The current view as the part of the address behind `#`: the back button and links work without a server.

/**
 * @typedef {{ readonly view: 'overview' }
 *   | { readonly view: 'delivery', readonly deliveryId: string }
 *   | { readonly view: 'message', readonly deliveryId: string, readonly messageId: string }
 *   | { readonly view: 'compare', readonly deliveryId: string, readonly otherId: string }
 *   | { readonly view: 'service' }
 *   | { readonly view: 'glossary' }
 *   | { readonly view: 'nowhere' }} Route
 */

/** A decoded path segment; null where it is invalid. @param {string} segment */
function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/**
 * The route of `location.hash`; ids may contain any characters.
 * @param {string} hash
 * @returns {Route}
 */
export function routeOf(hash) {
  const segments = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  const [room, first, inner, second] = segments;
  if (segments.includes(null) || segments.length > 4) return { view: 'nowhere' };
  if (room === '' && segments.length === 1) return { view: 'overview' };
  if (room === 'service' && segments.length === 1) return { view: 'service' };
  if (room === 'glossary' && segments.length === 1) return { view: 'glossary' };
  if (room !== 'deliveries' || !first) return { view: 'nowhere' };
  if (segments.length === 2) return { view: 'delivery', deliveryId: first };
  if (inner === 'messages' && second) return { view: 'message', deliveryId: first, messageId: second };
  if (inner === 'beside' && second) return { view: 'compare', deliveryId: first, otherId: second };
  return { view: 'nowhere' };
}

/** A link to a route. @param {Route} route */
export function hrefOf(route) {
  switch (route.view) {
    case 'delivery':
      return `#/deliveries/${encodeURIComponent(route.deliveryId)}`;
    case 'message':
      return `#/deliveries/${encodeURIComponent(route.deliveryId)}/messages/${encodeURIComponent(route.messageId)}`;
    case 'compare':
      return `#/deliveries/${encodeURIComponent(route.deliveryId)}/beside/${encodeURIComponent(route.otherId)}`;
    case 'service':
    case 'glossary':
      return `#/${route.view}`;
    default:
      return '#/';
  }
}
