// One delivery: its figures, its hours, its log.

/** @import { Page, View } from './main.js' */
/** @import { Delivery } from './model.js' */
import { deliveryPath, get } from './api.js';
import { compareForm } from './compare.js';
import { h, note, setChildren, setText, term } from './dom.js';
import { count, instant } from './format.js';
import { hoursPanel } from './hours-panel.js';
import { logPanel } from './log.js';
import { decisionPanel, domainPanel, reasonPanel, softBouncePanel, successPanel } from './panels.js';
import { hrefOf } from './route.js';
import { policyMark } from './row.js';

/** The heading: id, policy, and the event time and revision of the KPIs. @param {string} deliveryId */
function heading(deliveryId) {
  const mark = policyMark();
  const asOf = h('span', {});
  const revision = h('span', {});
  const element = h(
    'header',
    { class: 'heading' },
    h('p', { class: 'crumbs' }, h('a', { href: hrefOf({ view: 'overview' }) }, 'Deliveries'), ' /'),
    h('h1', {}, deliveryId),
    mark.element,
    h(
      'p',
      { class: 'asof' },
      term('as of', 'As of'),
      ' ',
      asOf,
      ' UTC · ',
      term('generation'),
      ' and ',
      term('revision'),
      ' ',
      revision,
    ),
  );
  return {
    element,
    /** @param {Delivery} delivery */
    update({ policy, asOf: at, generation, revision: number }) {
      mark.update(policy);
      setText(asOf, instant(at));
      setText(revision, `${generation}.${count(number)}`);
    },
  };
}

/**
 * @param {string} deliveryId
 * @param {Page} page
 * @returns {View}
 */
export function deliveryView(deliveryId, page) {
  const { model } = page;
  const head = heading(deliveryId);
  const hours = hoursPanel(page);
  const panels = [successPanel(), softBouncePanel(), decisionPanel(), reasonPanel(), hours, domainPanel()];
  const log = logPanel(deliveryId, page);
  const state = h('div', { class: 'state' }, note.loading('the delivery'));
  const body = h(
    'div',
    { class: 'panels', hidden: true },
    ...panels.map(({ element }) => element),
    log.element,
  );
  const element = h('div', { class: 'delivery' }, head.element, compareForm(deliveryId, page), state, body);

  const draw = () => {
    const delivery = model.get(deliveryId)?.delivery;
    if (delivery === undefined) return;
    const first = body.hidden;
    body.hidden = false;
    setChildren(state);
    head.update(delivery);
    for (const each of panels) each.update(delivery);
    if (first) log.open(Object.keys(delivery.kpis.byDomain));
  };
  async function load() {
    try {
      const delivery = await get(deliveryPath(deliveryId), {}, page.signal);
      model.take(delivery, page.now());
      page.staleness(delivery.stale ?? null);
      draw();
      log.retry();
    } catch (error) {
      if (page.signal.aborted) return;
      page.failed(error);
      if (body.hidden)
        setChildren(
          state,
          note.error(page.errorOf(error), () => void load()),
        );
    }
  }

  model.keep([deliveryId]);
  draw();
  void load();
  return {
    element,
    title: deliveryId,
    update(changed) {
      if (!changed.has(deliveryId)) return;
      if (model.get(deliveryId) !== null) draw();
      else {
        body.hidden = true;
        setChildren(
          state,
          note.empty('This delivery has been removed: its retention is over, or it was erased.'),
        );
      }
    },
    unknown(delivery, now) {
      if (delivery.deliveryId !== deliveryId) return;
      model.take(delivery, now);
      draw();
    },
    refresh: () => void load(),
    close: () => hours.close(),
  };
}
