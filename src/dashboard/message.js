// One message: its status and why, its timeline, and the positions of its partition.

/** @import { Page, View } from './main.js' */
/** @import { TimelineEvent } from './timeline.js' */
import { messagePath } from './api.js';
import { h, setChildren } from './dom.js';
import { definitions, heading, link, maybeTerm, note, panel, statusMark, term } from './elements.js';
import { count, duration, instant, plain, without, words } from './format.js';
import { loader } from './loader.js';
import { placed } from './timeline.js';

/**
 * @typedef {{
 *   readonly deliveryId: string, readonly messageId: string, readonly status: string, readonly reason: string | null,
 *   readonly failureType: string | null, readonly policy: 'EFS' | 'RELAY',
 *   readonly relay: { readonly at: string, readonly knownBy: string, readonly domainGroup: string },
 *   readonly validUntil: string, readonly timeline: readonly TimelineEvent[], readonly why: readonly string[],
 *   readonly generation: number, readonly partition: number, readonly positions: Readonly<Record<string, number>>,
 * }} Message
 */

/** How often the message is reloaded. */
const POLL_MS = 5_000;

/** Places an element on the timeline. @param {HTMLElement} element @param {number} share */
function at(element, share) {
  element.style.left = `${(share * 100).toFixed(2)}%`;
  return element;
}

/** The timeline: the events by their numbers in the list below, the deciding one large. @param {Message} message */
function drawing({ timeline, validUntil }) {
  const { places, validUntil: until, spanMs } = placed(timeline, validUntil);
  const validity = h('span', { class: 'validity' });
  validity.style.width = `${(until * 100).toFixed(2)}%`;
  const end = h('span', { class: `until ${until > 0.5 ? 'late' : ''}` }, 'end of the validity period');
  const points = places.map(({ share, mark, event }, index) =>
    at(h('span', { class: `point ${mark} ${event.decides ? 'decides' : ''}` }, String(index + 1)), share),
  );
  const label = `${timeline.length} events over ${duration(spanMs)}; they are listed below`;
  const line = h('div', { class: 'line' }, validity, at(end, until), ...points);
  return h('div', { class: 'time-line', role: 'img', 'aria-label': label }, line);
}

/** @param {TimelineEvent} event */
function because({ bounceClass, reason, failureType }) {
  if (reason === null) return null;
  return h(
    'span',
    { class: 'because' },
    `bounce class ${bounceClass ?? 'not named'}: `,
    maybeTerm(reason),
    ...(failureType === null ? [] : [', ', maybeTerm(failureType)]),
  );
}

/** The events in words. @param {readonly TimelineEvent[]} timeline */
function events(timeline) {
  const first = Date.parse(timeline[0]?.at ?? '');
  return h(
    'ol',
    { class: 'events' },
    ...timeline.map((event) =>
      h(
        'li',
        {},
        h('time', { datetime: event.at }, instant(event.at)),
        h(
          'span',
          { class: 'aside' },
          Date.parse(event.at) === first ? '' : `+ ${duration(Date.parse(event.at) - first)}`,
        ),
        h(
          'div',
          {},
          h('strong', {}, words(event.event)),
          ` ${without(event.text, words(event.event))}`,
          event.decides ? h('span', { class: 'chip' }, 'decides') : null,
          because(event),
          h('span', { class: 'from aside' }, `from ${event.topics.join(' or ')}`),
        ),
      ),
    ),
  );
}

/** @param {Message} message */
function facts(message) {
  const positions = Object.entries(message.positions).map(([topic, offset]) =>
    h('li', {}, h('code', {}, topic), ` before offset ${count(offset)}`),
  );
  return panel(
    '',
    'Facts',
    definitions('facts', [
      [term('policy', 'Policy'), message.policy],
      [term('relay', 'Relayed'), `${instant(message.relay.at)} UTC, known by ${message.relay.knownBy}`],
      [term('validity period', 'Valid until'), `${instant(message.validUntil)} UTC`],
      [term('domain group', 'Domain group'), message.relay.domainGroup],
      [term('task', 'Partition'), `${message.partition} of state ${message.generation}`],
    ]),
    h('h3', {}, 'Feedback is folded up to these ', term('position', 'positions')),
    h('ul', {}, ...positions),
  );
}

/** @param {Message} message */
function shown(message) {
  const { status, reason, failureType, why, timeline } = message;
  const cause = reason === null ? null : h('span', {}, maybeTerm(reason), ', ', maybeTerm(failureType ?? ''));
  return [
    h(
      'section',
      { class: 'panel' },
      h('div', { class: 'headline' }, statusMark(status, maybeTerm(status)), cause),
      ...why.map((sentence) => h('p', {}, plain(sentence))),
    ),
    panel('', 'What happened', drawing(message), events(timeline)),
    facts(message),
  ];
}

/**
 * @param {string} deliveryId
 * @param {string} messageId
 * @param {Page} page
 * @returns {View}
 */
export function messageView(deliveryId, messageId, page) {
  const place = h('div', { class: 'panels' }, note.loading('the message'));
  let drawn = '';
  const request = () => page.get(messagePath(deliveryId, messageId));
  /** @param {Message} message */
  const show = (message) => {
    // Positions move with the feedback of all messages; a change of them alone draws nothing.
    const content = JSON.stringify({ ...message, positions: null });
    if (content !== drawn) setChildren(place, ...shown(message));
    drawn = content;
  };
  const { load, poll } = loader(page, request, show, (error, again) => {
    if (drawn === '') setChildren(place, note.error(error, again));
  });
  load();
  const trail = [
    link({ view: 'overview' }, 'Deliveries'),
    link({ view: 'delivery', deliveryId }, deliveryId),
  ];
  return {
    element: h('div', {}, heading(trail, h('h1', { class: 'id' }, messageId)), place),
    title: `Message ${messageId}`,
    tick(now) {
      if (drawn !== '') poll(now, POLL_MS);
    },
    refresh: load,
  };
}
