/** Reads values from a curve: the pointer over the picture and the slider below it do the same. */

import { integer } from '../base/format.js';
import { t, tn } from '../base/text.js';

const SVG = 'http://www.w3.org/2000/svg';
const LANGUAGE = document.documentElement.lang || 'en';
const shares = new Intl.NumberFormat(LANGUAGE, {
  style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1,
});
// As the tables beside the pictures round: half a percent to the even one.
const wholes = new Intl.NumberFormat(LANGUAGE, {
  style: 'percent', maximumFractionDigits: 0, roundingMode: 'halfEven',
});
const percent = (share) => wholes.format(share);
const numbers = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 4 });

/**
 * @typedef {[number, number][]} Points with rising x; steps have two points at the same x
 * @typedef {{title: string, points: Points}} Line
 * @typedef {{kind: 'roc' | 'reliability' | 'history', unit: 'share' | 'number', lines: Line[],
 *   x: [number, number, number, number], y: [number, number, number, number],
 *   counts?: number[]}} Chart axes go from, to, and lie between these places of the picture
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

/** What a slider's value stands for, and what is told of it; one per kind of chart. */
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
    tell({ lines, counts }, value) {
      const [confidence, accuracy] = lines[0].points[value - 1];
      const n = counts[value - 1];
      return tn('Where it was {confidence} sure: {accuracy} of {n} song right',
        'Where it was {confidence} sure: {accuracy} of {n} songs right', n,
        { confidence: percent(confidence), accuracy: percent(accuracy), n: integer(n) });
    },
  },
};

const svg = (name, attributes = {}) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

/** @param {HTMLElement} figure a chart as the server draws it */
export function readChart(figure) {
  /** @type {Chart} */
  const chart = JSON.parse(figure.querySelector('.chart-data').textContent);
  const kind = KINDS[chart.kind];
  const picture = figure.querySelector('.picture');
  const reader = figure.querySelector('.reader');
  const slider = reader.querySelector('input');
  const readout = reader.querySelector('.readout');
  const paths = [...picture.querySelectorAll('.line')];
  // Without a choice the last one is told: the mean of all, if there is one.
  const last = chart.lines.length - 1;
  let pinned = null;
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
    rule.setAttribute('x1', place);
    rule.setAttribute('x2', place);
    const shown = lit ?? last;
    chart.lines.forEach(({ points }, index) => {
      const within = x >= points[0][0] && x <= points.at(-1)[0];
      // Eleven marks on eleven curves would hide them.
      const hidden = !within || (chart.kind === 'roc' && index !== shown);
      marks[index].setAttribute('visibility', hidden ? 'hidden' : 'visible');
      const y = valueAt(points, x);
      marks[index].setAttribute('cx', place);
      marks[index].setAttribute('cy', yStart + ((y - yLow) / (yHigh - yLow)) * (yEnd - yStart));
    });
    const text = kind.tell(chart, value, shown);
    readout.textContent = text;
    slider.setAttribute('aria-valuetext', text);
  }

  function light(index) {
    lit = index;
    figure.classList.toggle('some-lit', lit !== null);
    paths.forEach((path, i) => path.classList.toggle('lit', i === lit));
    for (const row of figure.querySelectorAll('.legend tr[data-line]')) {
      row.classList.toggle('lit', Number(row.dataset.line) === lit);
    }
    show();
  }

  function follow(event) {
    // The picture's own units: it may be scaled.
    const { left, width } = picture.getBoundingClientRect();
    const place = ((event.clientX - left) / width) * picture.viewBox.baseVal.width;
    const share = Math.min(1, Math.max(0, (place - xStart) / (xEnd - xStart)));
    slider.value = Math.round(kind.toValue(xLow + share * (xHigh - xLow), chart));
    show();
  }

  for (const row of figure.querySelectorAll('.legend tr[data-line]')) {
    const index = Number(row.dataset.line);
    const key = row.querySelector('.key');
    const button = document.createElement('button');
    button.type = 'button';
    button.ariaPressed = 'false';
    button.append(...key.childNodes);
    key.replaceWith(button);
    row.addEventListener('pointerenter', () => light(index));
    row.addEventListener('pointerleave', () => light(pinned));
    button.addEventListener('focus', () => light(index));
    button.addEventListener('blur', () => light(pinned));
    // A click keeps it, also where nothing hovers.
    button.addEventListener('click', () => {
      pinned = pinned === index ? null : index;
      for (const other of figure.querySelectorAll('.legend button')) {
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
