/** The French texts of the scripts, read from the catalog that the server uses. */

import { readFileSync } from 'node:fs';

const CATALOG = new URL('../../webapp/translations/fr/LC_MESSAGES/scripts.po', import.meta.url);

/**
 * The texts of one entry of a catalog, by keyword. A text may span several lines.
 * @param {string} entry
 * @returns {Map<string, string>}
 */
function textsOf(entry) {
  /** @type {Map<string, string>} */
  const found = new Map();
  let keyword = '';
  for (const line of entry.split('\n')) {
    const [, named, quoted] = /^(?:(msg\S+) )?(".*")$/.exec(line) ?? [];
    if (!quoted) continue;
    keyword = named ?? keyword;
    found.set(keyword, (found.get(keyword) ?? '') + JSON.parse(quoted));
  }
  return found;
}

/** @returns {import('../../static/js/base/text.js').Words} */
export function frenchWords() {
  /** @type {Record<string, string | [string, string]>} */
  const texts = {};
  for (const entry of readFileSync(CATALOG, 'utf8').split('\n\n')) {
    const found = textsOf(entry);
    const english = found.get('msgid');
    const several = found.get('msgstr[1]');
    const one = found.get('msgstr') ?? found.get('msgstr[0]') ?? '';
    if (english) texts[english] = several === undefined ? one : [one, several];
  }
  return { language: 'fr', texts };
}
