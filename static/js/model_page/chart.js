/** Reads values from a curve: the pointer over the picture and the slider below it do the same. */

import { all, one } from '../base/dom.js';
import { integer } from '../base/format.js';
import { t, tn, words } from '../base/text.js';

const SVG = 'http://www.w3.org/2000/svg';
const shares = new Intl.NumberFormat(words.language, {
  style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1,
});
// As the tables beside the pictures round: half a percent to the even one.
const wholes = new Intl.NumberFormat(words.language, {
  style: 'percent', maximumFractionDigits: 0, roundingMode: 'halfEven',
});
/** @param {number} share */
const percent = (share) => wholes.format(share);
const numbers = new Intl.NumberFormat(words.language, { maximumSignificantDigits: 4 });

/**
 * @typedef {[number, number][]} Points with rising x; a step has two points at the same x
 * @typedef {{title: string, points: Points}} Line
 * @typedef {{kind: 'roc' | 'reliability' | 'history', unit: 'share' | 'number', lines: Line[],
 *   x: [number, number, number, number], y: [number, number, number, number],
 *   counts?: number[]}} Chart axes: lowest and highest value, and their places in the picture; counts:
 *   songs of each point of a reliability curve
 *
 * @typedef {object} Kind of chart
 * @property {(value: number, chart: Chart) => number} toX from a value of the slider to the axis
 * @property {(x: number, chart: Chart) => number} toValue and back
 * @property {(chart: Chart, value: number, shown: number) => string} tell says what the curves have at a
 *   value of the slider; shown: index of the line that is told, where only one is
 */

/**
 * @param {Points} points
 * @param {number} x
 * @returns {number} value of the curve at x, the upper end of a step
 */
export function valueAt(points, x) {
  const before = points.findLastIndex((point) => point[0] <= x);
  if (before < 0) return points[0][1];
  const [x0, y0] = points[before];
  if (x0 === x || before === points.length - 1) return y0;
  const [x1, y1] = points[before + 1];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

/** @type {Record<Chart['kind'], Kind>} */
const KINDS = {
  history: {
    toX: (value) => value,
    toValue: (x) => x,
    tell(chart, epoch) {
      const told = chart.lines
        .filter(({ points }) => points[epoch - 1])
        .map(({ title, points }) => {
          const [, y] = points[epoch - 1];
          return `${title} ${chart.unit === 'share' ? shares.format(y) : numbers.format(y)}`;
        });
      return t('Epoch {n}: {values}', { n: integer(epoch), values: told.join(', ') });
    },
  },
  roc: {
    toX: (value) => value / 100,
    toValue: (x) => 100 * x,
    tell(chart, value, shown) {
      const { title, points } = chart.lines[shown];
      const found = percent(valueAt(points, value / 100));
      return t('{genre}: {found} found at {share} false alarms', {
        genre: title, found, share: percent(value / 100),
      });
    },
  },
  reliability: {
    toX: (value, { lines }) => lines[0].points[value - 1][0],
    toValue(x, { lines }) {
      const distances = lines[0].points.map((point) => Math.abs(point[0] - x));
      return distances.indexOf(Math.min(...distances)) + 1;
    },
    tell({ lines, counts = [] }, value) {
      const [confidence, accuracy] = lines[0].points[value - 1];
      const n = counts[value - 1];
      return tn('Where it was {confidence} sure: {accuracy} of {n} song right',
        'Where it was {confidence} sure: {accuracy} of {n} songs right', n,
        { confidence: percent(confidence), accuracy: percent(accuracy), n: integer(n) });
    },
  },
};

/**
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
}

/**
 * @param {'g' | 'line' | 'circle'} name
 * @param {Record<string, string | number>} attributes
 */
const svg = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  set(element, attributes);
  return element;
};

/** @param {HTMLElement} figure a chart as the server draws it */
export function readChart(figure) {
  /** @type {Chart} */
  const chart = JSON.parse(one(figure, '.chart-data').textContent);
  const kind = KINDS[chart.kind];
  const picture = one(figure, '.picture', SVGSVGElement);
  const reader = one(figure, '.reader');
  const slider = one(reader, 'input', HTMLInputElement);
  const readout = one(reader, '.readout');
  const rows = all(figure, '.legend tr[data-line]', HTMLTableRowElement);
  const paths = [...picture.querySelectorAll('.line')];
  // Without a choice the last line is told: the mean of all, if there is one.
  const last = chart.lines.length - 1;
  /** The line that was clicked. @type {number | null} */
  let pinned = null;
  /** The line that stands out: the one pointed at, or else the one clicked. @type {number | null} */
  let lit = null;

  const cursor = svg('g', { class: 'cursor', 'aria-hidden': 'true' });
  const [xLow, xHigh, xStart, xEnd] = chart.x;
  const [yLow, yHigh, yStart, yEnd] = chart.y;
  const rule = svg('line', { y1: yStart, y2: yEnd });
  const marks = chart.lines.map(() => svg('circle', { r: 3.5 }));
  cursor.append(rule, ...marks);
  picture.append(cursor);
  picture.classList.add('read');

  function show() {
    const value = Number(slider.value);
    const x = kind.toX(value, chart);
    const place = xStart + ((x - xLow) / (xHigh - xLow)) * (xEnd - xStart);
    set(rule, { x1: place, x2: place });
    const shown = lit ?? last;
    chart.lines.forEach(({ points }, index) => {
      const within = x >= points[0][0] && x <= points[points.length - 1][0];
      // Eleven marks on eleven curves would hide them.
      const hidden = !within || (chart.kind === 'roc' && index !== shown);
      const y = valueAt(points, x);
      set(marks[index], {
        visibility: hidden ? 'hidden' : 'visible',
        cx: place,
        cy: yStart + ((y - yLow) / (yHigh - yLow)) * (yEnd - yStart),
      });
    });
    const text = kind.tell(chart, value, shown);
    readout.textContent = text;
    slider.setAttribute('aria-valuetext', text);
  }

  /** @param {number | null} index */
  function light(index) {
    lit = index;
    figure.classList.toggle('some-lit', lit !== null);
    paths.forEach((path, i) => path.classList.toggle('lit', i === lit));
    for (const row of rows) row.classList.toggle('lit', Number(row.dataset.line) === lit);
    show();
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    // From pixels to the picture's own units: it may be scaled.
    const { left, width } = picture.getBoundingClientRect();
    const place = ((event.clientX - left) / width) * picture.viewBox.baseVal.width;
    const share = Math.min(1, Math.max(0, (place - xStart) / (xEnd - xStart)));
    slider.value = String(Math.round(kind.toValue(xLow + share * (xHigh - xLow), chart)));
    show();
  }

  for (const row of rows) {
    const index = Number(row.dataset.line);
    const key = one(row, '.key');
    const button = document.createElement('button');
    button.type = 'button';
    button.ariaPressed = 'false';
    button.append(...key.childNodes);
    key.replaceWith(button);
    row.addEventListener('pointerenter', () => light(index));
    row.addEventListener('pointerleave', () => light(pinned));
    button.addEventListener('focus', () => light(index));
    button.addEventListener('blur', () => light(pinned));
    // A click keeps the line lit; without a mouse, clicks are all there is.
    button.addEventListener('click', () => {
      pinned = pinned === index ? null : index;
      for (const other of all(figure, '.legend button', HTMLButtonElement)) {
        other.ariaPressed = String(other === button && pinned !== null);
      }
      light(pinned);
    });
  }
  picture.addEventListener('pointermove', follow);
  picture.addEventListener('pointerdown', follow);
  slider.addEventListener('input', show);
  reader.hidden = false;
  show();
}
