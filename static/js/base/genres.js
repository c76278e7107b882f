/** Genres by their words: colours, names, and their order by probability. */

import { t } from './text.js';

// Those with a colour of their own in static/css/genres.css; webapp/genres.py has the same.
export const WORDS = [
  'blues', 'classical', 'country', 'disco', 'hiphop', 'jazz', 'metal', 'pop', 'reggae', 'rock', 'electronic',
];
// Other words take these colours again, with one of these marks.
const MARKS = ['striped', 'dotted'];

// Genres whose names differ between languages; a card's other names stand as they are.
/** @type {Record<string, () => string>} */
const NAMES = { classical: () => t('classical'), hiphop: () => t('hiphop') };

/** @param {string} genre the card's word @returns {string} the page's word */
export const genreName = (genre) => (Object.hasOwn(NAMES, genre) ? NAMES[genre]() : genre);

/** Other words in the order in which the page met them. @type {Map<string, number>} */
const others = new Map();

/**
 * The classes that give genres their colours. One of `WORDS` always has the same, in whatever version
 * and spelling; others are taken in the order of the first list that has them, so that a word which is
 * added at its end repaints no other.
 * @param {string[]} genres all of a version, or all that somebody taught
 * @returns {string[]} by place
 */
export const colourClasses = (genres) => genres.map((genre) => {
  const word = genre.toLowerCase().replaceAll(/[\s_-]/g, '');
  if (WORDS.includes(word)) return `g-${word}`;
  const place = others.get(genre) ?? others.size;
  others.set(genre, place);
  const mark = MARKS[Math.floor(place / WORDS.length) % MARKS.length];
  return `g-${WORDS[place % WORDS.length]} ${mark}`;
});

/**
 * @param {number[]} probabilities
 * @returns {number[]} indices, most probable first
 */
export const ranking = (probabilities) =>
  probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);

/**
 * What is painted rather than styled: a colour, and a mark where it has one.
 * @typedef {{colour: string, mark: string}} Paint
 */

/**
 * The colours themselves.
 * @param {string[]} genres of a version
 * @param {HTMLElement} place where they are painted
 * @returns {{paints: Paint[], plain: Paint}} by place in the list; and what has no genre
 */
export function genrePaints(genres, place) {
  const probe = document.createElement('span');
  place.append(probe);
  const style = getComputedStyle(probe);
  const paints = colourClasses(genres).map((name) => {
    probe.className = name;
    return { colour: style.getPropertyValue('--genre').trim(), mark: name.split(' ')[1] ?? '' };
  });
  const plain = { colour: style.getPropertyValue('--line-strong').trim(), mark: '' };
  probe.remove();
  return { paints, plain };
}
