/** The pieces of a song as a table, for reading and for screen readers. */

import { clock, percent } from '../base/format.js';
import { colourClasses, genreName, ranking } from '../base/genres.js';
import { t } from '../base/text.js';

/**
 * @template {'td' | 'th'} K
 * @param {K} name
 * @param {string} text
 */
const cell = (name, text) => {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
};

/**
 * @param {import('../server/api.js').Prediction} prediction
 * @returns {HTMLTableElement}
 */
export function piecesTable({ segments, genres }) {
  const table = document.createElement('table');
  const colours = colourClasses(genres);
  const head = table.createTHead().insertRow();
  for (const title of [t('From'), t('To'), t('Genre'), t('Probability'), t('Next'), t('Probability')]) {
    const th = cell('th', title);
    th.scope = 'col';
    head.append(th);
  }
  const body = table.createTBody();
  for (const { start, end, probabilities } of segments) {
    const row = body.insertRow();
    row.append(cell('td', clock(start)), cell('td', clock(end)));
    for (const index of ranking(probabilities).slice(0, 2)) {
      const name = cell('td', genreName(genres[index]));
      const swatch = document.createElement('span');
      swatch.className = `swatch ${colours[index]}`;
      name.prepend(swatch);
      row.append(name, cell('td', percent(probabilities[index])));
    }
  }
  return table;
}
