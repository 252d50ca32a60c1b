// Comparison of any two deliveries.

/** @import { Page, View } from './main.js' */
/** @import { Delivery } from './model.js' */
import { deliveryPath } from './api.js';
import { h, setChildren } from './dom.js';
import { form, note } from './elements.js';
import { loader } from './loader.js';
import { pairPanel } from './pair.js';
import { hrefOf } from './route.js';

/** A form that opens the comparison with another delivery. @param {string} deliveryId @param {Page} page */
export function compareForm(deliveryId, page) {
  const options = h('datalist', { id: 'others' });
  const other = h('input', {
    id: 'other',
    list: 'others',
    placeholder: 'another delivery',
    autocomplete: 'off',
    required: true,
    focus: () => void suggest(),
  });
  async function suggest() {
    /** @type {{ deliveries: Delivery[] }} */
    const { deliveries } = await page.get('/deliveries', { limit: 100 }).catch(() => ({ deliveries: [] }));
    const ids = deliveries.map((delivery) => delivery.deliveryId).filter((id) => id !== deliveryId);
    setChildren(options, ...ids.map((value) => h('option', { value })));
  }
  const open = () => {
    location.hash = hrefOf({ view: 'compare', deliveryId, otherId: other.value.trim() });
  };
  return form(
    'beside aside',
    open,
    h('label', { for: 'other' }, 'Beside'),
    other,
    options,
    h('button', { type: 'submit', class: 'button' }, 'Compare'),
  );
}

/**
 * @param {string} deliveryId
 * @param {string} otherId
 * @param {Page} page
 * @returns {View}
 */
export function compareView(deliveryId, otherId, page) {
  const { model } = page;
  const place = h('div', {}, note.loading('both deliveries'));
  /** @type {ReturnType<typeof pairPanel> | null} */
  let panel = null;
  const draw = () => {
    const [one, other] = [model.get(deliveryId)?.delivery, model.get(otherId)?.delivery];
    if (one === undefined || other === undefined) return;
    const pair = { name: `${deliveryId} and ${otherId}`, one, other };
    if (panel === null) {
      panel = pairPanel(pair, page);
      setChildren(place, panel.element);
    }
    panel.update(pair);
  };
  const request = () => Promise.all([deliveryId, otherId].map((id) => page.get(deliveryPath(id))));
  /** @param {Delivery[]} both */
  const show = (both) => {
    for (const delivery of both) model.take(delivery, page.now());
    draw();
  };
  const { load } = loader(page, request, show, (error, again) => {
    if (panel === null) setChildren(place, note.error(error, again));
  });
  model.keep([deliveryId, otherId]);
  load();
  return {
    element: h('div', {}, h('h1', { class: 'unseen' }, 'Two deliveries'), place),
    title: `${deliveryId} beside ${otherId}`,
    update: (changed) => void ((changed.has(deliveryId) || changed.has(otherId)) && draw()),
    refresh: load,
  };
}
