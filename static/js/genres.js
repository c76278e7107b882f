/** Genres by their place in the model's list: colours and order. */

// As many colours as static/css/genres.css has; more genres share them, their names tell them apart.
const COLOURS = 10;

/** @param {number} index @returns {string} the class that gives a genre its colour */
export const colourClass = (index) => `g${index % COLOURS}`;

/**
 * @param {number[]} probabilities
 * @returns {number[]} indices, most probable first
 */
export const ranking = (probabilities) =>
  probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
