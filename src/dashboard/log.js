// The delivery log: messages with their status, filtered by the server, page after page.

/** @import { Page } from './main.js' */
/** @import { LogEntry } from './api.js' */
import { addressOf, deliveryPath, get } from './api.js';
import { h, maybeTerm, note, setAttribute, setChildren, setText } from './dom.js';
import { count, instant, words } from './format.js';
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

const HEADS = ['Message', 'Status', 'Reason', 'Domains', 'Relayed', 'Last soft bounce', 'Decided', 'By'];

/** A status with its mark. @param {string} status */
export const statusMark = (status) =>
  h('span', { class: `status ${status.toLowerCase()}` }, maybeTerm(status, words(status)));

/** @param {string | null} iso */
const timeCell = (iso) => h('td', { class: 'time' }, iso === null ? '' : instant(iso).slice(5));

/** @param {LogEntry} entry @param {string} deliveryId */
function logRow(entry, deliveryId) {
  const href = hrefOf({ view: 'message', deliveryId, messageId: entry.messageId });
  const reason = entry.reason === null ? '' : words(entry.reason);
  const type = entry.failureType === null ? '' : `, ${entry.failureType.toLowerCase()}`;
  return h(
    'tr',
    { 'data-message': entry.messageId },
    h('th', { scope: 'row' }, h('a', { href, class: 'id' }, entry.messageId)),
    h('td', {}, h('span', { class: `status ${entry.status.toLowerCase()}` }, words(entry.status))),
    h('td', {}, reason + type),
    h('td', {}, entry.domainGroup),
    timeCell(entry.relayedAt),
    timeCell(entry.softBouncedAt),
    timeCell(entry.decidedAt),
    h('td', {}, entry.decidedBy === null ? '' : words(entry.decidedBy)),
  );
}

/**
 * @param {string} label
 * @param {string} all
 * @param {readonly string[]} values
 * @param {(value: string) => void} changed
 */
function filter(label, all, values, changed) {
  const select = h(
    'select',
    { 'aria-label': label, change: () => changed(select.value) },
    h('option', { value: '' }, all),
  );
  const fill = (/** @type {readonly string[]} */ names, /** @type {(name: string) => string} */ shown) =>
    select.append(...names.map((name) => h('option', { value: name }, shown(name))));
  fill(values, words);
  return { select, fill };
}

/**
 * The filters and actions of the log.
 * @param {string} deliveryId
 * @param {() => void} reload
 */
function logTools(deliveryId, reload) {
  const query = { status: '', reason: '', domainGroup: '' };
  const status = filter('Status', 'Any status', STATUSES, (value) => ((query.status = value), reload()));
  const reason = filter('Reason', 'Any reason', REASONS, (value) => ((query.reason = value), reload()));
  const group = filter('Domain group', 'Any domain', [], (value) => ((query.domainGroup = value), reload()));
  const download = h('a', { class: 'button', download: true }, 'Download CSV');
  const found = h('span', { class: 'shown', role: 'status' });
  const element = h(
    'div',
    { class: 'toolbar' },
    status.select,
    reason.select,
    group.select,
    h('button', { type: 'button', class: 'button', click: reload }, 'Reload'),
    download,
    found,
    findForm(deliveryId),
  );
  return {
    element,
    query,
    found,
    /** @param {readonly string[]} names */
    groups: (names) => group.fill(names, (name) => name),
    /** Makes the download match the filters. */
    updateDownload() {
      const path = `${deliveryPath(deliveryId)}/messages`;
      setAttribute(download, 'href', addressOf(path, { ...query, format: 'csv' }));
    },
  };
}

/** The entries read so far. The log changes while it is read: a message may be returned twice. @param {string} deliveryId */
function logLines(deliveryId) {
  /** @type {Set<string>} */
  const shown = new Set();
  const body = h('tbody', {});
  const heads = HEADS.map((head) => h('th', { scope: 'col' }, head));
  const table = h('table', { class: 'plain log', hidden: true }, h('thead', {}, h('tr', {}, ...heads)), body);
  return {
    table,
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
      table.hidden = shown.size === 0;
    },
  };
}

/**
 * @param {string} deliveryId
 * @param {Page} page
 */
export function logPanel(deliveryId, page) {
  /** @type {string | null} */
  let cursor = null;
  let asked = 0;
  let failed = false;
  const lines = logLines(deliveryId);
  const tools = logTools(deliveryId, () => void load(true));
  const state = h('div', { class: 'state' });
  const more = h(
    'button',
    { type: 'button', class: 'button more', hidden: true, click: () => void load(false) },
    'Show more',
  );

  /** @param {{ messages: readonly LogEntry[], cursor: string | null }} answer */
  const show = (answer) => {
    lines.append(answer.messages);
    cursor = answer.cursor;
    more.hidden = cursor === null || lines.size() >= ROWS_MOST;
    setText(tools.found, `${count(lines.size())} shown${cursor === null ? '' : ', more available'}`);
    const none =
      cursor === null ? 'No message matches.' : 'No message read so far matches: show more to continue.';
    setChildren(state, lines.size() === 0 ? note.empty(none) : null);
  };
  /** @param {boolean} fromStart */
  async function load(fromStart) {
    const mine = ++asked;
    if (fromStart) {
      cursor = null;
      tools.updateDownload();
      setChildren(state, note.loading('the log'));
    }
    try {
      const query = { ...tools.query, limit: PAGE_SIZE, cursor };
      const answer = await get(`${deliveryPath(deliveryId)}/messages`, query, page.signal);
      if (mine !== asked) return;
      failed = false;
      if (fromStart) lines.clear();
      show(answer);
    } catch (error) {
      if (mine !== asked || page.signal.aborted) return;
      page.failed(error);
      failed = true;
      setChildren(
        state,
        note.error(page.errorOf(error), () => void load(fromStart)),
      );
    }
  }
  return {
    element: h(
      'section',
      { class: 'panel of-log' },
      h('h2', {}, 'Delivery log'),
      tools.element,
      h('div', { class: 'scroll' }, lines.table),
      state,
      more,
    ),
    /** Reads the first page. @param {readonly string[]} groups the domain groups to choose from */
    open(groups) {
      tools.groups(groups);
      void load(true);
    },
    /** Reloads the log if the last request failed. */
    retry: () => void (failed && load(true)),
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
  return h(
    'form',
    {
      class: 'find',
      submit: (event) => {
        event.preventDefault();
        location.hash = hrefOf({ view: 'message', deliveryId, messageId: id.value.trim() });
      },
    },
    id,
    h('button', { type: 'submit', class: 'button' }, 'Open'),
  );
}
