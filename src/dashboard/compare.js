// Comparison of any two deliveries.

/** @import { Page, View } from './main.js' */
import { deliveryPath, get } from './api.js';
import { h, note, setChildren } from './dom.js';
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
    const { deliveries } = await get('/deliveries', { limit: 100 }, page.signal).catch(() => ({
      deliveries: [],
    }));
    setChildren(
      options,
      ...deliveries
        .filter((/** @type {{ deliveryId: string }} */ each) => each.deliveryId !== deliveryId)
        .map((/** @type {{ deliveryId: string }} */ each) => h('option', { value: each.deliveryId })),
    );
  }
  return h(
    'form',
    {
      class: 'beside',
      submit: (event) => {
        event.preventDefault();
        location.hash = hrefOf({ view: 'compare', deliveryId, otherId: other.value.trim() });
      },
    },
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
  async function load() {
    try {
      const both = [deliveryId, otherId].map((id) => get(deliveryPath(id), {}, page.signal));
      for (const delivery of await Promise.all(both)) model.take(delivery, page.now());
      draw();
    } catch (error) {
      if (page.signal.aborted) return;
      page.failed(error);
      if (panel === null)
        setChildren(
          place,
          note.error(page.errorOf(error), () => void load()),
        );
    }
  }
  model.keep([deliveryId, otherId]);
  void load();
  return {
    element: h('div', {}, h('h1', { class: 'unseen' }, 'Two deliveries'), place),
    title: `${deliveryId} beside ${otherId}`,
    update: (changed) => void ((changed.has(deliveryId) || changed.has(otherId)) && draw()),
    unknown(delivery, now) {
      if (delivery.deliveryId !== deliveryId && delivery.deliveryId !== otherId) return;
      model.take(delivery, now);
      draw();
    },
    refresh: () => void load(),
    close: () => panel?.close(),
  };
}
