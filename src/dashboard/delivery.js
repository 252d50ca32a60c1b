// One delivery: its figures, its hours, its log.

/** @import { Page, View } from './main.js' */
/** @import { Delivery, Staleness } from './model.js' */
import { deliveryPath } from './api.js';
import { compareForm } from './compare.js';
import { h, setChildren, setText } from './dom.js';
import { heading, link, note, policyMark, term } from './elements.js';
import { count, instant } from './format.js';
import { hoursPanel } from './hours-panel.js';
import { loader } from './loader.js';
import { logPanel } from './log.js';
import { decisionPanel, domainPanel, reasonPanel, softBouncePanel, successPanel } from './panels.js';

/** The heading: id, policy, and the event time and revision of the KPIs. @param {string} deliveryId */
function deliveryHeading(deliveryId) {
  const mark = policyMark();
  const asOf = h('span', {});
  const revision = h('span', {});
  const element = heading(
    [link({ view: 'overview' }, 'Deliveries')],
    h('h1', {}, deliveryId),
    mark.element,
    h(
      'p',
      { class: 'asof aside' },
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
  const head = deliveryHeading(deliveryId);
  const panels = [
    successPanel(),
    softBouncePanel(),
    decisionPanel(),
    reasonPanel(),
    hoursPanel(page),
    domainPanel(),
  ];
  const log = logPanel(deliveryId, page);
  const state = h('div', {}, note.loading('the delivery'));
  const body = h(
    'div',
    { class: 'panels', hidden: true },
    ...panels.map(({ element }) => element),
    log.element,
  );
  const element = h('div', {}, head.element, compareForm(deliveryId, page), state, body);

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
  const request = () => page.get(deliveryPath(deliveryId));
  /** @param {Delivery & { readonly stale: Staleness | null }} delivery */
  const show = (delivery) => {
    model.take(delivery, page.now());
    page.staleness(delivery.stale);
    draw();
    log.retry();
  };
  const { load } = loader(page, request, show, (error, again) => {
    if (body.hidden) setChildren(state, note.error(error, again));
  });

  model.keep([deliveryId]);
  draw();
  load();
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
    refresh: load,
  };
}
