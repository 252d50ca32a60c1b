// The delivery log: messages with their status, filtered by the server, page after page.

/** @import { Page } from './main.js' */
/** @import { LogEntry } from './api.js' */
import { addressOf, deliveryPath } from './api.js';
import { h, setAttribute, setChildren, setText } from './dom.js';
import { button, choice, form, link, moreButton, note, panel, statusMark, table } from './elements.js';
import { count, instant, words } from './format.js';
import { loader } from './loader.js';
import { hrefOf } from './route.js';

const PAGE_SIZE = 50;
const ROWS_MOST = 2_000;

const STATUSES = ['SENT', 'TAKEN_INTO_ACCOUNT', 'FAILED'];
const REASONS = [
  'USER_UNKNOWN',
  'INVALID_DOMAIN',
  'UNREACHABLE',
  'MAILBOX_FULL',
  'REFUSED',
  'QUARANTINED',
  'ACCOUNT_DISABLED',
  'NOT_DEFINED',
];

const HEADS = [
  'Message',
  'Status',
  'Reason',
  'Domains',
  'Relayed',
  'Last soft bounce',
  'Decided',
  'By',
  'Complained',
];

/** @param {string} deliveryId */
const logPath = (deliveryId) => deliveryPath(deliveryId, '/messages');

/** @param {string | null} iso */
const timeCell = (iso) => h('td', { class: 'time' }, iso === null ? '' : instant(iso).slice(5));

/** @param {LogEntry} entry @param {string} deliveryId */
function logRow(entry, deliveryId) {
  const { messageId } = entry;
  const reason = entry.reason === null ? '' : words(entry.reason);
  const type = entry.failureType === null ? '' : `, ${entry.failureType.toLowerCase()}`;
  return h(
    'tr',
    { 'data-message': messageId },
    h('th', { scope: 'row' }, link({ view: 'message', deliveryId, messageId }, messageId, 'id')),
    h('td', {}, statusMark(entry.status, words(entry.status))),
    h('td', {}, reason + type),
    h('td', {}, entry.domainGroup),
    timeCell(entry.relayedAt),
    timeCell(entry.softBouncedAt),
    timeCell(entry.decidedAt),
    h('td', {}, entry.decidedBy === null ? '' : words(entry.decidedBy)),
    timeCell(entry.complainedAt),
  );
}

/**
 * The filters and actions of the log.
 * @param {string} deliveryId
 * @param {() => void} reload
 */
function logTools(deliveryId, reload) {
  const query = { status: '', reason: '', domainGroup: '' };
  /** @param {string} label @param {string} any @param {keyof query} name */
  const filter = (label, any, name) =>
    choice(label, any, (value) => {
      query[name] = value;
      reload();
    });
  const status = filter('Status', 'Any status', 'status');
  const reason = filter('Reason', 'Any reason', 'reason');
  const group = filter('Domain group', 'Any domain', 'domainGroup');
  status.offer(STATUSES, words);
  reason.offer(REASONS, words);
  const download = h('a', { class: 'button', download: true }, 'Download CSV');
  const found = h('span', { class: 'shown aside', role: 'status' });
  const element = h(
    'div',
    { class: 'toolbar' },
    status.element,
    reason.element,
    group.element,
    button('Reload', reload),
    download,
    found,
    findForm(deliveryId),
  );
  return {
    element,
    query,
    found,
    /** @param {readonly string[]} names */
    offerGroups: (names) => group.offer(names, (name) => name),
    /** Makes the download match the filters. */
    updateDownload: () =>
      setAttribute(download, 'href', addressOf(logPath(deliveryId), { ...query, format: 'csv' })),
  };
}

/** The entries read so far. The log changes while it is read: a message may be returned twice. @param {string} deliveryId */
function logLines(deliveryId) {
  /** @type {Set<string>} */
  const shown = new Set();
  const body = h('tbody', {});
  const element = table(HEADS, HEADS.length, body);
  element.classList.add('log');
  element.hidden = true;
  return {
    element,
    size: () => shown.size,
    clear() {
      shown.clear();
      body.replaceChildren();
    },
    /** @param {readonly LogEntry[]} messages */
    append(messages) {
      const fresh = messages.filter(({ messageId }) => !shown.has(messageId));
      for (const { messageId } of fresh) shown.add(messageId);
      body.append(...fresh.map((entry) => logRow(entry, deliveryId)));
      element.hidden = shown.size === 0;
    },
  };
}

/**
 * @param {string} deliveryId
 * @param {Page} page
 */
export function logPanel(deliveryId, page) {
  /** Where the next page begins; null for the first. @type {string | null} */
  let cursor = null;
  let hasFailed = false;
  const reload = () => {
    cursor = null;
    tools.updateDownload();
    setChildren(state, note.loading('the log'));
    log.load();
  };
  const lines = logLines(deliveryId);
  const tools = logTools(deliveryId, reload);
  const state = h('div', {});

  /** @param {{ messages: readonly LogEntry[], cursor: string | null }} answer */
  const show = (answer) => {
    hasFailed = false;
    if (cursor === null) lines.clear();
    lines.append(answer.messages);
    cursor = answer.cursor;
    more.hidden = cursor === null || lines.size() >= ROWS_MOST;
    setText(tools.found, `${count(lines.size())} shown${cursor === null ? '' : ', more available'}`);
    const none =
      cursor === null ? 'No message matches.' : 'No message read so far matches: show more to continue.';
    setChildren(state, lines.size() === 0 ? note.empty(none) : null);
  };
  const request = () => page.get(logPath(deliveryId), { ...tools.query, limit: PAGE_SIZE, cursor });
  const log = loader(page, request, show, (error, again) => {
    hasFailed = true;
    setChildren(state, note.error(error, again));
  });
  const more = moreButton(log.load);
  return {
    element: panel(
      '',
      'Delivery log',
      tools.element,
      h('div', { class: 'scroll' }, lines.element),
      state,
      more,
    ),
    /** Reads the first page. @param {readonly string[]} groups the domain groups to choose from */
    open(groups) {
      tools.offerGroups(groups);
      reload();
    },
    /** Reloads the log if the last request failed. */
    retry: () => void (hasFailed && reload()),
  };
}

/** A form that opens a message by its id. @param {string} deliveryId */
function findForm(deliveryId) {
  const id = h('input', {
    type: 'search',
    'aria-label': 'Id of a message',
    placeholder: 'Id of a message',
    required: true,
    autocomplete: 'off',
  });
  const open = () => {
    location.hash = hrefOf({ view: 'message', deliveryId, messageId: id.value.trim() });
  };
  return form('find', open, id, h('button', { type: 'submit', class: 'button' }, 'Open'));
}
