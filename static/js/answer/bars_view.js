/** Probabilities of all genres as bars, the most probable first. */

import { percent } from '../base/format.js';
import { colourClasses, genreName, ranking } from '../base/genres.js';

/** @param {string} className @param {string} [text] */
const span = (className, text = '') => {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
};

/**
 * @param {string[]} genres
 * @param {number[]} probabilities
 * @param {boolean} known whether they are an answer, rather than room for one
 * @returns {HTMLLIElement[]}
 */
export function barsOf(genres, probabilities, known) {
  const colours = colourClasses(genres);
  return ranking(probabilities).map((index) => {
    const item = document.createElement('li');
    item.className = colours[index];
    const track = span('bars-track');
    const bar = span('bar');
    bar.style.width = `${100 * probabilities[index]}%`;
    track.append(bar);
    item.append(
      span('bars-name', genreName(genres[index])), track,
      span('bars-value', known ? percent(probabilities[index]) : ''),
    );
    return item;
  });
}
