// One message: its status and why, its story on a line of time, and where the records are.

/** @import { Page, View } from './main.js' */
/** @import { StoryEvent } from './timeline.js' */
import { get, messagePath } from './api.js';
import { h, maybeTerm, note, setChildren, svg, term } from './dom.js';
import { count, duration, instant, words } from './format.js';
import { statusMark } from './log.js';
import { hrefOf } from './route.js';
import { placed } from './timeline.js';

/**
 * @typedef {{
 *   readonly deliveryId: string, readonly messageId: string, readonly status: string, readonly reason: string | null,
 *   readonly failureType: string | null, readonly policy: 'EFS' | 'RELAY',
 *   readonly relay: { readonly at: string, readonly knownBy: string, readonly domainGroup: string },
 *   readonly validUntil: string, readonly timeline: readonly StoryEvent[], readonly why: readonly string[],
 *   readonly generation: number, readonly partition: number, readonly positions: Readonly<Record<string, number>>,
 * }} Message
 */

const WIDTH = 1_000;
const HEIGHT = 88;
const INSET = 24;
const AXIS = 48;
/** How often the page looks whether something has happened to the message. */
const AGAIN_MS = 5_000;

/** @param {number} share */
const x = (share) => INSET + share * (WIDTH - 2 * INSET);

/** A point of the line: filled where it decides. @param {import('./timeline.js').Place} place @param {number} index */
function point({ share, mark, event }, index) {
  const label = String(index + 1);
  return svg(
    'g',
    { class: `point ${mark}${event.decides ? ' decides' : ''}` },
    svg('circle', { cx: x(share), cy: AXIS, r: event.decides ? 13 : 10 }),
    svg('text', { x: x(share), y: AXIS + 5, 'text-anchor': 'middle' }, label),
  );
}

/** The line of time. @param {Message} message */
function drawing({ timeline, validUntil }) {
  const { places, validUntil: until, spanMs } = placed(timeline, validUntil);
  const end = svg(
    'g',
    { class: 'until' },
    svg('line', { x1: x(until), x2: x(until), y1: 16, y2: 78 }),
    svg('text', { x: x(until) - 6, y: 22, 'text-anchor': 'end' }, 'end of the validity period'),
  );
  return svg(
    'svg',
    {
      class: 'time-line',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `${timeline.length} events over ${duration(spanMs)}; they are listed below`,
    },
    svg('rect', {
      class: 'validity',
      x: x(0),
      y: AXIS - 4,
      width: Math.max(1, x(until) - x(0)),
      height: 8,
      rx: 4,
    }),
    svg('line', { class: 'axis', x1: x(0), x2: x(1), y1: AXIS, y2: AXIS }),
    end,
    ...places.map(point),
  );
}

/** @param {StoryEvent} event */
function because({ bounceClass, reason, failureType }) {
  if (reason === null) return null;
  return h(
    'span',
    { class: 'because' },
    `bounce class ${bounceClass ?? 'not named'}: `,
    maybeTerm(reason, words(reason)),
    failureType === null ? null : ', ',
    failureType === null ? null : maybeTerm(failureType, words(failureType)),
  );
}

/** The events in words. @param {readonly StoryEvent[]} timeline */
function events(timeline) {
  const first = Date.parse(timeline[0]?.at ?? '');
  return h(
    'ol',
    { class: 'story' },
    ...timeline.map((event) =>
      h(
        'li',
        { class: event.decides ? 'decides' : null },
        h('time', { datetime: event.at }, instant(event.at)),
        h(
          'span',
          { class: 'after' },
          Date.parse(event.at) === first ? '' : `+ ${duration(Date.parse(event.at) - first)}`,
        ),
        h(
          'div',
          {},
          h('strong', {}, words(event.event)),
          ` ${event.text}`,
          event.decides ? h('span', { class: 'chip' }, 'decides') : null,
          because(event),
          h('span', { class: 'from' }, `from ${event.topics.join(' or ')}`),
        ),
      ),
    ),
  );
}

/** @param {Message} message */
function facts(message) {
  /** @type {[Node | string, Node | string][]} */
  const rows = [
    [term('policy', 'Policy'), message.policy],
    [term('relay', 'Relayed'), `${instant(message.relay.at)} UTC, known by ${message.relay.knownBy}`],
    [term('validity period', 'Valid until'), `${instant(message.validUntil)} UTC`],
    [term('domain group', 'Domain group'), message.relay.domainGroup],
    [term('task', 'Partition'), `${message.partition} of generation ${message.generation}`],
  ];
  const positions = Object.entries(message.positions).map(([topic, offset]) =>
    h('li', {}, h('code', {}, topic), ` before offset ${count(offset)}`),
  );
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, 'Facts'),
    h(
      'dl',
      { class: 'facts' },
      ...rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
    h('h3', {}, 'Feedback is folded up to these ', term('position', 'positions')),
    h('ul', { class: 'positions' }, ...positions),
  );
}

/** @param {Message} message */
function shown(message) {
  const { status, reason, failureType, why, timeline } = message;
  const cause =
    reason === null
      ? null
      : h(
          'span',
          {},
          maybeTerm(reason, words(reason)),
          ', ',
          maybeTerm(failureType ?? '', words(failureType ?? '')),
        );
  return [
    h(
      'section',
      { class: 'panel' },
      h('div', { class: 'headline' }, statusMark(status), cause),
      ...why.map((sentence) => h('p', {}, sentence)),
    ),
    h('section', { class: 'panel' }, h('h2', {}, 'What happened'), drawing(message), events(timeline)),
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
  let askedAt = -Infinity;
  let drawn = '';
  let busy = false;

  async function load() {
    if (busy) return;
    busy = true;
    askedAt = page.now();
    try {
      const message = await get(messagePath(deliveryId, messageId), {}, page.signal);
      // Positions move with everyone's feedback; they alone are no reason to draw.
      const said = JSON.stringify({ ...message, positions: null });
      if (said !== drawn) setChildren(place, ...shown(message));
      drawn = said;
    } catch (error) {
      if (page.signal.aborted) return;
      page.failed(error);
      if (drawn === '')
        setChildren(
          place,
          note.error(page.errorOf(error), () => void load()),
        );
    } finally {
      busy = false;
    }
  }
  void load();
  const element = h(
    'div',
    { class: 'message' },
    h(
      'header',
      { class: 'heading' },
      h(
        'p',
        { class: 'crumbs' },
        h('a', { href: hrefOf({ view: 'overview' }) }, 'Deliveries'),
        ' / ',
        h('a', { href: hrefOf({ view: 'delivery', deliveryId }) }, deliveryId),
        ' /',
      ),
      h('h1', { class: 'id' }, messageId),
    ),
    place,
  );
  return {
    element,
    title: `Message ${messageId}`,
    tick(now) {
      if (drawn !== '' && now - askedAt >= AGAIN_MS) void load();
    },
    refresh: () => void load(),
  };
}
