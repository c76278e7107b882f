/**
 * Texts in the language of the page. Each is written in English where it is used; a page in another
 * language brings its texts along, with the English ones as keys.
 */

const page = globalThis.document;
const element = page?.getElementById('texts');

/**
 * @typedef {object} Words
 * @property {string} language
 * @property {Record<string, string | [string, string]>} texts in that language, by the English ones;
 *   two for those that differ by a count
 */
/** Those of the page. A worker has no page: it is told them. @type {Words} */
export let words = {
  language: page?.documentElement.lang || 'en',
  texts: element?.textContent ? JSON.parse(element.textContent) : {},
};
let plurals = new Intl.PluralRules(words.language);

/** Use the words of the page, in a worker. @param {Words} told */
export function speakAs(told) {
  words = told;
  plurals = new Intl.PluralRules(words.language);
}

/**
 * @param {string} text with {names}
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
const fill = (text, values) =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/**
 * @param {string} text English, with {names} for what is put in
 * @param {Record<string, string | number>} [values]
 * @returns {string} the same in the page's language
 */
export function t(text, values = {}) {
  const found = words.texts[text];
  return fill(typeof found === 'string' ? found : text, values);
}

/**
 * @param {string} sentence of the page's Python, one of those that `webapp/catalogs.py` takes from it
 * @returns {string} the same in the page's language
 */
export const fromPython = (sentence) => String(words.texts[sentence] ?? sentence);

/**
 * @param {string} one English, for a count of one
 * @param {string} many English, for other counts
 * @param {number} count chooses between them; not put in by itself
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function tn(one, many, count, values = {}) {
  const found = words.texts[one];
  const [single, several] = Array.isArray(found) ? found : [one, many];
  return fill(plurals.select(count) === 'one' ? single : several, values);
}
