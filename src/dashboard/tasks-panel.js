// The tasks: a cell for each partition of both pipelines.

/** @import { Page } from './main.js' */
import { h, keyed, setAttribute, setChildren, setText } from './dom.js';
import { figuresRow, table, term } from './elements.js';
import { brief, count } from './format.js';
import { polledPanel } from './polled-panel.js';

/**
 * @typedef {{ readonly topic: string, readonly position: number, readonly end: number, readonly lag: number,
 *   readonly heldBack: number }} Position
 * @typedef {{ readonly pipeline: 'status' | 'kpi', readonly partition: number, readonly owner: 'here' | 'elsewhere',
 *   readonly epoch: number, readonly sequence: number, readonly outboxBytes: number,
 *   readonly positions: readonly Position[], readonly lag: number }} Task
 */

const PIPELINES = { status: 'Status', kpi: 'KPI' };

/** The lag of a task as a height, on a logarithmic scale up to millions. @param {number} lag */
const lagShare = (lag) => (lag === 0 ? 0 : Math.min(1, 0.12 + Math.log10(lag) / 7));

/** @param {Task} task */
const taskKey = ({ pipeline, partition }) => `${pipeline}/${partition}`;

/** A task as a cell: its partition, its lag as a level, its owner. @param {Task} task @param {() => void} choose */
function taskCell({ pipeline, partition }, choose) {
  const level = h('span', { class: 'level', 'aria-hidden': 'true' });
  const lag = h('span', { class: 'lag' });
  const runs = h('span', { class: 'unseen' });
  const element = h(
    'button',
    { type: 'button', class: 'task', click: choose },
    level,
    h('span', { class: 'unseen' }, `${pipeline} partition `),
    h('span', { class: 'partition aside' }, String(partition)),
    h('span', { class: 'unseen' }, ', lag '),
    lag,
    runs,
  );
  return {
    element,
    /** @param {Task} task @param {boolean} chosen */
    update(task, chosen) {
      level.style.height = `${(lagShare(task.lag) * 100).toFixed(0)}%`;
      setText(lag, brief(task.lag));
      setAttribute(element, 'data-owner', task.owner);
      setAttribute(element, 'aria-pressed', String(chosen));
      setText(runs, `, runs ${task.owner}`);
    },
  };
}

/** Says of which topics an open transaction holds records back, and the remedy. @param {Task} task */
function heldBackShown({ partition, positions }) {
  return positions
    .filter(({ heldBack }) => heldBack > 0)
    .map(({ topic, end, heldBack }) =>
      h(
        'p',
        { class: 'bad' },
        `${topic}/${partition}: ${count(heldBack)} offsets from ${count(end)} on wait behind an open transaction. If they keep waiting, `,
        h('code', {}, 'kafka-transactions.sh find-hanging'),
        ' names its producer, ',
        h('code', {}, 'kafka-transactions.sh abort'),
        ' ends it.',
      ),
    );
}

/** The details of a task. @param {Task} task */
function taskShown(task) {
  const { pipeline, partition, owner, epoch, sequence, outboxBytes, positions } = task;
  const rows = positions.map(({ topic, position, end, lag, heldBack }) =>
    figuresRow(topic, [position, end, lag, heldBack].map(count)),
  );
  return [
    h('h3', {}, `${PIPELINES[pipeline]} task of partition ${partition}`),
    h(
      'p',
      { class: 'aside' },
      owner === 'here' ? 'Runs in this process · ' : 'Runs in another process or in none · ',
      term('epoch', 'epoch'),
      ` ${count(epoch)} · ${count(sequence)} commits · `,
      term('outbox', 'outbox'),
      ` ${brief(outboxBytes)} bytes`,
    ),
    table(['Topic', 'Position', 'End', 'Lag', 'Held back'], 1, h('tbody', {}, ...rows)),
    ...heldBackShown(task),
  ];
}

/** The tasks of both pipelines; a click shows the details of one. @param {Page} page */
export function tasksPanel(page) {
  const detail = h('div', { class: 'task-detail' });
  let chosen = 'status/0';
  /** @type {readonly Task[]} */
  let current = [];

  const pipelines = /** @type {const} */ (['status', 'kpi']).map((pipeline) => {
    const place = h('div', { class: 'tasks' });
    const cells = keyed(place, taskKey, (task) =>
      taskCell(task, () => {
        chosen = taskKey(task);
        draw();
      }),
    );
    const title = h('h3', {}, term('pipeline', `${PIPELINES[pipeline]} pipeline`));
    return { pipeline, cells, element: h('div', { class: 'pipeline' }, title, place) };
  });
  const content = h(
    'div',
    {},
    ...pipelines.map(({ element }) => element),
    h(
      'p',
      { class: 'aside' },
      'A cell is a partition; its level and its number are its lag in records. Dashed: runs elsewhere.',
    ),
    detail,
  );
  const draw = () => {
    for (const { pipeline, cells } of pipelines) {
      const tasks = current.filter((task) => task.pipeline === pipeline);
      cells.show(tasks, (cell, task) => cell.update(task, taskKey(task) === chosen));
    }
    const task = current.find((each) => taskKey(each) === chosen);
    setChildren(detail, ...(task === undefined ? [] : taskShown(task)));
    return content;
  };
  return polledPanel(
    page,
    'of-tasks',
    term('task', 'Tasks'),
    () => page.get('/tasks'),
    (answer) => {
      current = answer.tasks;
      return draw();
    },
  );
}
