// The large charts, by uPlot (loaded before this module, as a script that declares `uPlot`). Colours come from the
// style sheet, so a chart is recreated when the theme changes.
import { h, setAttribute } from './dom.js';
import { brief, count, moment, percent } from './format.js';

/**
 * @typedef {{ readonly label: string, readonly colour: string }} Line
 * @typedef {{ readonly element: HTMLElement, set(data: uPlot.AlignedData, words: string): void }} Chart
 */

const HEIGHT = { line: 240, bars: 130 };

const probe = document.body.appendChild(h('span', { hidden: true }));

/** A colour of the style sheet, as it is in the current theme. @param {string} name */
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** @returns {uPlot.Axis} */
const timeAxis = () => ({
  stroke: colour('muted'),
  grid: { show: false },
  ticks: { stroke: colour('line'), width: 1, size: 4 },
  font: '12px system-ui, sans-serif',
  size: 30,
  space: 72,
  values: (_, values, __, ___, gap) => values.map((at) => tickOf(at, gap)),
});

/** A label of the time axis: the hour, or the day where hours are too fine. @param {number} at @param {number} gap */
function tickOf(at, gap) {
  const iso = new Date(at * 1_000).toISOString();
  const isDay = iso.slice(11, 16) === '00:00';
  return gap >= 86_400 || isDay ? (moment(at * 1_000).split(',')[0] ?? '') : iso.slice(11, 16);
}

/** @param {(value: number) => string} format @returns {uPlot.Axis} */
const valueAxis = (format) => ({
  stroke: colour('muted'),
  grid: { stroke: colour('line'), width: 1 },
  ticks: { show: false },
  font: '12px system-ui, sans-serif',
  size: 52,
  values: (_, values) => values.map((value) => (value == null ? '' : format(value))),
});

/** @param {string} label @param {(value: number) => string} format @returns {uPlot.Series} */
const read = (label, format) => ({ label, value: (_, value) => (value == null ? '–' : format(value)) });

/** @returns {uPlot.Series} */
const timeSeries = () => ({ label: 'UTC', value: (_, at) => (at == null ? '–' : moment(at * 1_000)) });

/** Without a pointer on the chart, the legend shows the last values. @param {uPlot} plot */
function readLast(plot) {
  if (plot.cursor.idx == null) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

/**
 * A chart that follows the width of its container and is recreated for another theme. Drawn once it has data and is
 * visible, and until the signal aborts.
 * @param {AbortSignal} signal
 * @param {() => Omit<uPlot.Options, 'width'>} options
 * @returns {Chart}
 */
function chart(signal, options) {
  const element = h('div', { class: 'chart', role: 'img' });
  /** @type {uPlot | null} */
  let plot = null;
  /** @type {uPlot.AlignedData | null} */
  let data = null;

  const make = () => {
    plot?.destroy();
    plot = null;
    const width = Math.floor(element.clientWidth);
    if (data !== null && width > 0) {
      plot = new uPlot({ ...options(), width, hooks: { setLegend: [readLast] } }, data, element);
      readLast(plot);
    }
  };
  const sizes = new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (plot === null) make();
    else if (width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
  });
  sizes.observe(element);
  document.addEventListener('themechange', make, { signal });
  signal.addEventListener('abort', () => {
    sizes.disconnect();
    plot?.destroy();
  });
  return {
    element,
    set(next, words) {
      data = next;
      setAttribute(element, 'aria-label', words);
      if (plot === null) make();
      else {
        plot.setData(next);
        readLast(plot);
      }
    },
  };
}

/** @type {uPlot.Cursor} */
const CURSOR = { y: false, drag: { x: false, y: false }, points: { size: 7 } };

/**
 * Success over time, 0 to 100 %, one line for each delivery. With `band` the space between the first two lines is
 * filled: messages that one policy counts as sent and the other does not.
 * @param {AbortSignal} signal
 * @param {readonly Line[]} lines
 * @param {{ band?: boolean }} [options]
 */
export function courseChart(signal, lines, { band = false } = {}) {
  return chart(signal, () => ({
    height: HEIGHT.line,
    cursor: CURSOR,
    scales: { x: { time: true }, y: { range: [0, 1] } },
    axes: [
      timeAxis(),
      { ...valueAxis((value) => `${Math.round(value * 100)} %`), splits: [0, 0.25, 0.5, 0.75, 1] },
    ],
    bands: band ? [{ series: [2, 1], fill: colour('band') }] : [],
    series: [
      timeSeries(),
      ...lines.map((line) => ({
        ...read(line.label, percent),
        stroke: colour(line.colour),
        width: 2.5,
        points: { show: false },
      })),
    ],
  }));
}

/**
 * Counts per hour, as bars. All charts of hours move their cursors together.
 * @param {AbortSignal} signal
 * @param {Line} line
 */
export function hoursChart(signal, line) {
  const bars = uPlot.paths.bars?.({ size: [0.8, 48], radius: 0.15, align: 1 });
  return chart(signal, () => ({
    height: HEIGHT.bars,
    cursor: { ...CURSOR, sync: { key: 'hours' } },
    scales: {
      x: { time: true, range: wholeHours },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] },
    },
    axes: [timeAxis(), valueAxis(brief)],
    series: [
      timeSeries(),
      {
        ...read(line.label, count),
        fill: colour(line.colour),
        stroke: colour(line.colour),
        width: 0,
        ...(bars === undefined ? {} : { paths: bars }),
        points: { show: false },
      },
    ],
  }));
}

/** The last hour is drawn in full. @type {uPlot.Range.Function} */
const wholeHours = (_, least, most) => [least ?? 0, (most ?? 0) + 3_600];
