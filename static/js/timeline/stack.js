/** Probability of every genre through a stretch of time, as stacked areas (SVG). */

import { colourClass, ranking } from '../base/genres.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 100;
// A longer pause between two pieces is left blank.
const SAME_STRETCH_S = 1;

/** Pieces that follow each other without a pause. */
function stretches(segments) {
  const found = [];
  for (const segment of segments) {
    const last = found.at(-1);
    if (last && segment.start - last.at(-1).end < SAME_STRETCH_S) last.push(segment);
    else found.push([segment]);
  }
  return found;
}

/** Corners of one genre's area over a stretch; values hold in the middle of a piece. */
function outline(stretch, below, above) {
  const times = stretch.map(({ start, end }) => (start + end) / 2);
  const xs = [stretch[0].start, ...times, stretch.at(-1).end];
  const level = (levels, i) => levels[Math.min(stretch.length - 1, Math.max(0, i - 1))];
  const point = (x, share) => `${x.toFixed(2)},${(HEIGHT * (1 - share)).toFixed(2)}`;
  const upper = xs.map((x, i) => point(x, level(above, i)));
  const lower = xs.map((x, i) => point(x, level(below, i))).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

/**
 * @param {import('../server/api.js').Prediction} prediction the genre that leads on the whole lies lowest
 * @param {{start: number, end: number}} row seconds that it shows
 * @returns {SVGSVGElement} stretched to the box it is put in
 */
export function stackedAreas({ segments, genres, aggregate }, row) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'stack');
  svg.setAttribute('viewBox', `${row.start} 0 ${row.end - row.start} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const inRow = segments.filter(({ start, end }) => end > row.start && start < row.end);
  const order = ranking(aggregate.probabilities).filter((index) => index < genres.length);
  for (const stretch of stretches(inRow)) {
    let below = stretch.map(() => 0);
    for (const index of order) {
      const above = stretch.map(({ probabilities }, i) => below[i] + probabilities[index]);
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', `area ${colourClass(index)}`);
      path.setAttribute('d', outline(stretch, below, above));
      svg.append(path);
      below = above;
    }
  }
  return svg;
}
