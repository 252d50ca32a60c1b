// The tasks: a cell for each partition of both pipelines.
import { h, setAttribute, setChildren, setText, term } from './dom.js';
import { brief, count } from './format.js';
import { polledPanel } from './polled-panel.js';

/**
 * @typedef {{ readonly topic: string, readonly position: number, readonly end: number, readonly lag: number }} Position
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
    h('span', { class: 'partition' }, String(partition)),
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

/** The details of a task. @param {Task} task */
function taskShown({ pipeline, partition, owner, epoch, sequence, outboxBytes, positions }) {
  const heads = ['Topic', 'Position', 'End', 'Lag'];
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
    h(
      'table',
      { class: 'plain' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...heads.map((head, index) => h('th', { scope: 'col', class: index > 0 ? 'number' : null }, head)),
        ),
      ),
      h(
        'tbody',
        {},
        ...positions.map(({ topic, position, end, lag }) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, topic),
            ...[position, end, lag].map((value) => h('td', { class: 'number' }, count(value))),
          ),
        ),
      ),
    ),
  ];
}

/** The tasks of both pipelines; a click shows the details of one. */
export function tasksPanel() {
  const panel = polledPanel(term('task', 'Tasks'), 'of-tasks');
  const detail = h('div', { class: 'task-detail' });
  /** @type {Map<string, ReturnType<typeof taskCell>>} */
  const cells = new Map();
  let chosen = 'status/0';
  let layout = '';
  /** @type {readonly Task[]} */
  let current = [];

  const draw = () => {
    for (const task of current) cells.get(taskKey(task))?.update(task, taskKey(task) === chosen);
    const task = current.find((each) => taskKey(each) === chosen);
    setChildren(detail, ...(task === undefined ? [] : taskShown(task)));
  };
  const lay = () => {
    cells.clear();
    const rows = /** @type {const} */ (['status', 'kpi']).map((pipeline) => {
      const tasks = current.filter((task) => task.pipeline === pipeline);
      for (const task of tasks) {
        cells.set(
          taskKey(task),
          taskCell(task, () => {
            chosen = taskKey(task);
            draw();
          }),
        );
      }
      const total = tasks.reduce((sum, { lag }) => sum + lag, 0);
      return { pipeline, total, elements: tasks.map((task) => cells.get(taskKey(task))?.element) };
    });
    setChildren(
      panel.body,
      ...rows.map(({ pipeline, elements }) =>
        h(
          'div',
          { class: 'pipeline' },
          h('h3', {}, term('pipeline', `${PIPELINES[pipeline]} pipeline`)),
          h('div', { class: 'tasks' }, ...elements),
        ),
      ),
      h(
        'p',
        { class: 'aside' },
        'A cell is a partition; its level and its number are its lag in records. Dashed: runs elsewhere.',
      ),
      detail,
    );
  };
  return {
    ...panel,
    /** @param {{ tasks: readonly Task[] }} answer */
    show({ tasks }) {
      current = tasks;
      const wanted = tasks.map(taskKey).join();
      if (wanted !== layout) lay();
      layout = wanted;
      draw();
    },
  };
}
