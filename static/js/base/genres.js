/** Genres by their place in the model's list: colours, order and names. */

import { t } from './text.js';

// As many colours as static/css/genres.css has; more genres share them, their names tell them apart.
const COLOURS = 10;

// Genres whose names differ between languages; a card's other names stand as they are.
/** @type {Record<string, () => string>} */
const NAMES = { classical: () => t('classical'), hiphop: () => t('hiphop') };

/** @param {string} genre the card's word @returns {string} the page's word */
export const genreName = (genre) => (Object.hasOwn(NAMES, genre) ? NAMES[genre]() : genre);

/** @param {number} index @returns {string} the class that gives a genre its colour */
export const colourClass = (index) => `g${index % COLOURS}`;

/**
 * @param {number[]} probabilities
 * @returns {number[]} indices, most probable first
 */
export const ranking = (probabilities) =>
  probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);

/**
 * The colours themselves, for what is painted rather than styled.
 * @param {number} count of genres
 * @param {HTMLElement} place where they are painted
 * @returns {{names: string[], plain: string}} by place in the model's list; and what has no genre
 */
export function genreColours(count, place) {
  const probe = document.createElement('span');
  place.append(probe);
  const style = getComputedStyle(probe);
  const names = Array.from({ length: count }, (_, index) => {
    probe.className = colourClass(index);
    return style.getPropertyValue('--genre').trim();
  });
  const plain = style.getPropertyValue('--line-strong').trim();
  probe.remove();
  return { names, plain };
}
