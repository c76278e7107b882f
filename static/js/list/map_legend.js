/** The genres on a map, each with its sign. */

import { integer } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t } from '../base/text.js';

const SVG = 'http://www.w3.org/2000/svg';

/** The signs of map_picture.js in a box of 12 by 12. @type {Record<string, [string, Record<string, number | string>]>} */
const SHAPES = {
  '': ['circle', { cx: 6, cy: 6, r: 5 }],
  striped: ['rect', { x: 1.5, y: 1.5, width: 9, height: 9 }],
  dotted: ['path', { d: 'M6 0.5L11.5 10H0.5Z' }],
};

/** @param {string} colour classes of a genre @param {string} [more] class */
function signOf(colour, more = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `map-sign ${colour} ${more}`.trim());
  svg.setAttribute('viewBox', '0 0 12 12');
  svg.setAttribute('aria-hidden', 'true');
  const [name, attributes] = SHAPES[colour.split(' ')[1] ?? ''];
  const shape = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, String(value));
  svg.append(shape);
  return svg;
}

/** @param {SVGElement} sign @param {string} text */
function entry(sign, text) {
  const item = document.createElement('li');
  item.append(sign, text);
  return item;
}

/**
 * @param {HTMLElement} list
 * @param {(import('../own/shown_genre.js').ShownGenre | null)[]} shown of all songs
 */
export function showLegend(list, shown) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const each of shown) if (each) counts.set(each.genre, (counts.get(each.genre) ?? 0) + 1);
  const entries = [...counts].sort((a, b) => b[1] - a[1]).map(([genre, count]) =>
    entry(signOf(colourClasses([genre])[0]), t('{genre} {n}', { genre: genreName(genre), n: integer(count) })));
  const unsure = shown.filter((each) => each?.unsure);
  if (unsure.length) {
    const text = unsure.some((each) => each?.own) ? t('hollow: none of your genres, the closest one is shown') : t('hollow: not sure, the closest genre is shown');
    entries.push(entry(signOf('', 'hollow'), text));
  }
  if (shown.some((each) => each?.own)) {
    const word = shown.every((each) => each?.own) ? t('Your genres:') : t('Your genres, and the model’s where there is no answer in yours:');
    const head = document.createElement('li');
    head.className = 'quiet';
    head.textContent = word;
    entries.unshift(head);
  }
  list.replaceChildren(...entries);
}
