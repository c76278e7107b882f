/** Probability of every genre through a stretch of time, as stacked areas (SVG). */

import { colourClasses, ranking } from '../base/genres.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 100;
// A longer pause between two pieces is left blank.
const SAME_STRETCH_S = 1;

// Each pattern has an identifier of its own on the page.
let patterns = 0;

/** @typedef {import('../server/api.js').Segment} Segment */

/**
 * Pieces that follow each other without a pause.
 * @param {Segment[]} segments
 * @returns {Segment[][]}
 */
function stretches(segments) {
  /** @type {Segment[][]} */
  const found = [];
  let end = -Infinity;
  for (const segment of segments) {
    if (segment.start - end < SAME_STRETCH_S) found[found.length - 1].push(segment);
    else found.push([segment]);
    ({ end } = segment);
  }
  return found;
}

/**
 * Corners of one genre's area over a stretch. Levels hold in the middle of a piece.
 * @param {Segment[]} stretch
 * @param {number[]} below lower level of each piece, as a share
 * @param {number[]} above upper level
 * @returns {string} a path of SVG
 */
function outline(stretch, below, above) {
  const times = stretch.map(({ start, end }) => (start + end) / 2);
  const xs = [stretch[0].start, ...times, stretch[stretch.length - 1].end];
  /** @param {number[]} levels @param {number} i */
  const level = (levels, i) => levels[Math.min(stretch.length - 1, Math.max(0, i - 1))];
  /** @param {number} x @param {number} share */
  const point = (x, share) => `${x.toFixed(2)},${(HEIGHT * (1 - share)).toFixed(2)}`;
  const upper = xs.map((x, i) => point(x, level(above, i)));
  const lower = xs.map((x, i) => point(x, level(below, i))).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function svgElement(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * Lines over the areas of genres with a mark. The picture is stretched, so they are upright or level.
 * @param {string} mark
 * @param {import('./timeline.js').Row} row
 * @returns {Element} a pattern
 */
function hatching(mark, { start, end }) {
  const width = end - start;
  const [across, down, line] = mark === 'striped'
    ? [width / 80, HEIGHT, { width: width / 240, height: HEIGHT }]
    : [width, HEIGHT / 10, { width, height: HEIGHT / 30 }];
  patterns += 1;
  const pattern = svgElement('pattern', {
    id: `hatching-${patterns}`, patternUnits: 'userSpaceOnUse', width: across, height: down,
  });
  pattern.append(svgElement('rect', { class: 'hatch', ...line }));
  return pattern;
}

/**
 * @param {import('../server/api.js').Prediction} prediction its leading genre lies lowest
 * @param {import('./timeline.js').Row} row seconds that the picture shows
 * @returns {SVGSVGElement} stretches to the box that it is put in
 */
export function stackedAreas({ segments, genres, aggregate }, row) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'stack');
  svg.setAttribute('viewBox', `${row.start} 0 ${row.end - row.start} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const inRow = segments.filter(({ start, end }) => end > row.start && start < row.end);
  const colours = colourClasses(genres);
  const order = ranking(aggregate.probabilities).filter((index) => index < genres.length);
  for (const stretch of stretches(inRow)) {
    let below = stretch.map(() => 0);
    for (const index of order) {
      const above = stretch.map(({ probabilities }, i) => below[i] + probabilities[index]);
      const d = outline(stretch, below, above);
      svg.append(svgElement('path', { class: `area ${colours[index]}`, d }));
      const mark = colours[index].split(' ')[1];
      if (mark) {
        const pattern = hatching(mark, row);
        svg.append(pattern, svgElement('path', { fill: `url(#${pattern.id})`, d }));
      }
      below = above;
    }
  }
  return svg;
}
