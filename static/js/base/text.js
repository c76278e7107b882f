/**
 * What the page says, in its language. Texts are written in English where they are used; the page
 * brings those of another language with it, by the English ones.
 */

const element = globalThis.document?.getElementById('texts');
/**
 * @typedef {object} Words
 * @property {string} language
 * @property {Record<string, string | [string, string]>} texts
 */
/** @type {Words} the page's; a worker, which has no page, is told them */
export let words = {
  language: globalThis.document?.documentElement.lang || 'en',
  texts: element ? JSON.parse(element.textContent) : {},
};
let plurals = new Intl.PluralRules(words.language);

/** @param {Words} told what the page says, in a worker */
export function speakAs(told) {
  words = told;
  plurals = new Intl.PluralRules(words.language);
}

const fill = (text, values) => text.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/**
 * @param {string} text English, with {names} for what is put in
 * @param {Record<string, string | number>} [values]
 * @returns {string} the same in the page's language
 */
export const t = (text, values = {}) => fill(words.texts[text] ?? text, values);

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
  const [single, several] = words.texts[one] ?? [one, many];
  return fill(plurals.select(count) === 'one' ? single : several, values);
}
